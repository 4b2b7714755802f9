"""`python -m gl2gh_batch` and the console script."""

from __future__ import annotations

import sys

from gl2gh_batch.interfaces.cli import main

if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
