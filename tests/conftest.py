"""What every test lives under: no network, repeatable examples, real data where there is some."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import hypothesis
import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SHARED_DATA: Final = ROOT.parent / "shared" / "data"

# What a workflow, a user's shell or their git configuration says must not change what a test sees.
for name in list(os.environ):
    if name.startswith(("ACTIONS_", "GH_", "GITHUB_", "GITLAB_", "INPUT_", "RUNNER_")):
        del os.environ[name]
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"

# In CI the same examples every time, and a failure prints what repeats it; elsewhere new ones on each run.
hypothesis.settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
hypothesis.settings.register_profile("here", print_blob=True, deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real data or git-lfs where there is none; mark what asks for the data's fixture."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
        if item.get_closest_marker("shared_data") and not SHARED_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="no folder ../shared/data beside this checkout"))
        # In CI it has to be there: `.ci/run` installs it, and what lacks it fails.
        if item.get_closest_marker("lfs") and not shutil.which("git-lfs") and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason="no git-lfs on this machine"))


class Figures:
    """Says under `make torture` what each part of a sweep printed, at once: workers' output is nobody's."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line for the part, and one for each line that it printed."""
        terminal = self._plugins.getplugin("terminalreporter")
        is_part = report.when == "call" and type(report) is pytest.TestReport
        if is_part and terminal is not None and os.environ.get("GL2GH_TORTURE"):
            terminal.write_line(f"\n{report.outcome} in {report.duration:.0f} s: {report.nodeid}")
            for line in report.capstdout.splitlines():
                terminal.write_line(f"  {line}")


def pytest_configure(config: pytest.Config) -> None:
    """Figures are for the process that people look at."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Figures(config))


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real GitLab data beside the checkout; without it the test that asks is skipped."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def node() -> str:
    """The node that runs scripts against .tools/npm/node_modules: the machine's own or the environment's."""
    beside = Path(sys.executable).parent
    found = shutil.which("node") or shutil.which("node", path=beside)
    assert found, "no node: run make setup"
    return found
