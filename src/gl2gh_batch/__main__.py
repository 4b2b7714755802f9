"""`python -m gl2gh_batch` and the console script."""

from __future__ import annotations

import os
import sys

from gl2gh_batch.interfaces import early


def main() -> int:
    """Run one command; its exit code. The imports take their time, in which signals are heard, too."""
    early.listen()
    is_action = sys.argv[1:2] == ["action"]
    if is_action:
        from gl2gh_batch.interfaces.outputs import tell_interrupted

        early.tell_by(lambda: tell_interrupted(os.environ))
    else:
        early.tell_by(lambda: None)
    from gl2gh_batch.interfaces import cli

    if not is_action:  # the Action's own door takes over when it can give the runner its outputs
        early.is_over()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
