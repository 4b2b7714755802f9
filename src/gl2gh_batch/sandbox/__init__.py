"""An embedded GitLab and GitHub with real git, real limits and faults.

For the demo, the tests and the benchmarks. It imports nothing else of this package, so that it can bear
witness.
"""

from __future__ import annotations

from gl2gh_batch.sandbox.server import Sandbox

__all__ = ["Sandbox"]
