"""The library's face: the names of the package, loaded only when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lab as labs
import pytest

import gl2gh_batch
from gl2gh_batch import BatchOrchestrator, MigrationMode, SharedResources

NAMES = {
    "AgentOrchestrator",
    "BatchOrchestrator",
    "ConfigurationError",
    "Gl2ghError",
    "MigrationMode",
    "SharedResources",
    "UserMapping",
}


def test_the_names_are_there() -> None:
    """Every public name can be had, is listed, and is documented."""
    assert set(gl2gh_batch.__all__) == NAMES
    for name in NAMES:
        assert getattr(gl2gh_batch, name).__doc__
        assert name in dir(gl2gh_batch)


def test_another_name_is_not_there() -> None:
    """A name that is no part of the face is an ordinary AttributeError, so that `hasattr` works."""
    assert not hasattr(gl2gh_batch, "Nothing")
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = gl2gh_batch.Nothing  # type: ignore[attr-defined] # because that is the point


def test_importing_loads_nothing() -> None:
    """The package alone loads none of its modules or dependencies; a name loads what it needs."""
    said = (
        "import sys; import gl2gh_batch; "
        "heavy = {'aiohttp', 'github', 'gitlab', 'rich', 'yaml', 'msgspec', 'actions_toolkit'}; "
        "ours = [one for one in sys.modules if one.startswith('gl2gh_batch.')]; "
        "print(sorted(heavy & set(sys.modules)), ours); "
        "gl2gh_batch.ConfigurationError; print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[] []", "[]"]


def test_the_library_needs_no_sandbox() -> None:
    """Neither the face nor `run` loads the sandbox or the terminal's server: only the demo does."""
    said = (
        "import sys, gl2gh_batch, gl2gh_batch.interfaces.cli as cli; gl2gh_batch.BatchOrchestrator; "
        "cli.main(['run'], {}); print([one for one in sys.modules if 'sandbox' in one])"
    )
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]"]


async def test_the_words_of_the_design_run(tmp_path: Path) -> None:
    """The lines that users copy plan a batch, and the mapping of users gives back what it was given."""
    async with labs.open_lab(tmp_path, [labs.project()]) as lab:
        mapping = {"github_login": "anna"}
        resources = SharedResources(github_rate_limit=5000)
        await resources.set_user_mapping("gitlab_user_123", mapping)
        assert await resources.get_user_mapping("gitlab_user_123") is mapping
        assert await resources.get_user_mapping("nobody") is None
        sandbox = lab.sandbox
        result = await BatchOrchestrator(shared_resources=resources).execute_batch_migration(
            project_configs=[
                {
                    "project_id": 17,
                    "gitlab_url": sandbox.gitlab_url,
                    "gitlab_token": sandbox.gitlab_token,
                    "github_url": sandbox.github_url,
                    "github_token": sandbox.github_token,
                    "target": "acme/app",
                    "output_dir": str(tmp_path / "out"),
                }
            ],
            mode=MigrationMode.PLAN_ONLY,
            parallel_limit=5,
            resume_from=None,
        )
        await resources.close()
        assert (result["status"], result["successful"], result["results"][0]["target"]) == (
            "success", 1, "acme/app",
        )  # fmt: skip
        assert lab.writes() == []


def test_a_mode_is_its_text() -> None:
    """MigrationMode is an enum of strings, six of them, and a wrong value is a ConfigurationError."""
    assert [str(mode) for mode in MigrationMode] == [
        "DISCOVER_ONLY", "EXPORT_ONLY", "TRANSFORM_ONLY", "PLAN_ONLY", "APPLY", "FULL",
    ]  # fmt: skip
    assert issubclass(MigrationMode, str)
    assert issubclass(gl2gh_batch.ConfigurationError, ValueError)


@pytest.mark.parametrize(
    "argv", [["-m", "gl2gh_batch"], ["-c", "import sys, gl2gh_batch.__main__ as m; sys.exit(m.main())"]]
)
def test_the_program_starts_both_ways(argv: list[str]) -> None:
    """`python -m gl2gh_batch` and the console script's entry are the same program."""
    ended = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "COMMAND" in ended.stderr
