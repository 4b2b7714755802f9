"""The book of known people, numbers, names and files."""

from __future__ import annotations

import pytest
from known_book import KnownBook


@pytest.fixture(scope="session")
def book() -> KnownBook:
    """What the tests of rewriting look things up in."""
    return KnownBook()
