"""The one error of the seeds."""

from __future__ import annotations


class SeedError(ValueError):
    """A seed cannot be read: says which file, where in it, and what is wrong."""
