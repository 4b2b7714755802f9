"""`release.yml`, run whole by nektos/act: its own steps for real, stand-ins for actions and registries."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from acting import ACT, Acted, act, commit_all, stand_in, with_stand_ins
from releasing import BASE_DIGEST, NOTED, put_programs

DIGEST = f"sha256:{'0f' * 32}"
# Capital letters are none of a registry's: the image is called otherwise than the repository.
IMAGE = f"ghcr.io/acme/gl2gh-batch@{DIGEST}"
OTHERS = {
    "docker/setup-qemu-action": ("platforms",),
    "docker/setup-buildx-action": (),
    "docker/login-action": ("registry", "username", "password"),
    "docker/build-push-action": (
        "context", "platforms", "push", "no-cache", "sbom", "provenance", "build-args", "tags", "labels",
    ),
    "actions/attest-build-provenance": ("subject-name", "subject-digest", "push-to-registry"),
}  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ACT.exists(), reason="act is not installed for this platform"),
    pytest.mark.skipif(shutil.which("jq") is None, reason="GitHub's runners have jq, this machine has not"),
]


class Place:
    """A copy of what a release needs of this repository, and a GitHub that is a bare repository."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.origin = folder / "origin.git"
        self._asked = folder / "asked"
        self._pushed = folder / "pushed"
        self._checkout = checkout = folder / "checkout"
        self.version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
        for name in ("action.yml", "Dockerfile", "pyproject.toml", "tools/release.py"):
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, checkout / name)
        shutil.copy(root / "tools/publish-release.sh", checkout / "tools")
        self.changelog("first")
        local = {name: self._stand_in(name, inputs) for name, inputs in OTHERS.items()}
        text = (root / ".github/workflows/release.yml").read_text()
        workflows = checkout / ".github/workflows"
        workflows.mkdir(parents=True)
        workflows.joinpath("release.yml").write_text(yaml.safe_dump(with_stand_ins(text, local)))
        self._programs = put_programs(folder / "bin")
        commit_all(checkout)
        self.git("remote", "add", "origin", "https://github.com/Acme/gl2gh-batch.git", where=checkout)
        self.git("clone", "-q", "--bare", str(checkout), str(self.origin), where=folder)

    def _stand_in(self, name: str, inputs: tuple[str, ...]) -> str:
        build = name == "docker/build-push-action"
        script = NOTED
        if build:
            script += 'printf "%s@%s" "${IN_TAGS%:*}" "$DIGEST" > "$PUSHED"\n'
            script += 'echo "digest=$DIGEST" >> "$GITHUB_OUTPUT"\n'
        variables = {f"IN_{one.upper().replace('-', '_')}": f"${{{{ inputs.{one} }}}}" for one in inputs}
        return stand_in(
            self._checkout,
            name.replace("/", "-"),
            dict.fromkeys(inputs, ""),
            script,
            {**variables, "ACTION": name, "DIGEST": DIGEST},
            ("digest",) if build else (),
        )

    def changelog(self, words: str, version: str = "") -> None:
        """A changelog with a section of that version."""
        path = self._checkout / "CHANGELOG.md"
        path.write_text(f"# Changelog\n\n## [Unreleased]\n\n## [{version or self.version}]\n\n- {words}\n")

    def release_next(self, version: str) -> None:
        """Main goes on, and names a later version."""
        project = self._checkout / "pyproject.toml"
        project.write_text(project.read_text().replace(f'"{self.version}"', f'"{version}"', 1))
        self.version = version
        self.changelog("second")
        commit_all(self._checkout)
        self.git("push", "-q", str(self.origin), "main", where=self._checkout)

    async def run(self, version: str = "") -> Acted:
        self._asked.write_text("")
        variables = {"ORIGIN": self.origin, "ASKED": self._asked, "PUSHED": self._pushed}
        return await act(
            self._checkout,
            "release.yml",
            self.folder,
            inputs={"version": version or self.version},
            secrets={"GITHUB_TOKEN": "ghs-of-the-release"},
            variables={name: str(value) for name, value in variables.items()},
            path=f"{self._programs}:",
        )

    def asked(self, program: str) -> list[Any]:
        """What was asked of a program or an action, in order."""
        lines = [json.loads(line) for line in self._asked.read_text().splitlines()]
        return [one[program] for one in lines if program in one]

    def git(self, *words: str, where: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=where or self.origin, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


async def test_a_release_from_end_to_end(tmp_path: Path, project_root: Path) -> None:
    """Checked, built with SBOM and provenance, attested, started; the tag's action pulls that image."""
    place = Place(tmp_path, project_root)
    acted = await place.run()
    assert acted.code == 0, acted.said[-6000:]
    assert place.asked("make") == [["check"], ["test"]]
    [build] = place.asked("docker/build-push-action")
    assert build["TAGS"] == f"ghcr.io/acme/gl2gh-batch:{place.version}"
    assert build["PLATFORMS"] == "linux/amd64,linux/arm64"
    assert (build["SBOM"], build["PROVENANCE"], build["PUSH"]) == ("true", "mode=max", "true")
    assert build["BUILD_ARGS"].endswith(f"@{BASE_DIGEST}")
    assert f"base.digest={BASE_DIGEST}" in build["LABELS"]
    [attested] = place.asked("actions/attest-build-provenance")
    assert (attested["SUBJECT_NAME"], attested["SUBJECT_DIGEST"]) == ("ghcr.io/acme/gl2gh-batch", DIGEST)
    started = [one for one in place.asked("docker") if one[0] == "run"]
    assert [one[-2:] for one in started] == [[IMAGE, "demo"]] * 2, "both architectures start it"
    tag, major = f"v{place.version}", f"v{place.version.partition('.')[0]}"
    action = yaml.safe_load((project_root / "action.yml").read_text())
    released = yaml.safe_load(place.git("show", f"{tag}:action.yml"))
    assert released == {**action, "runs": {**action["runs"], "image": f"docker://{IMAGE}"}}
    assert place.git("diff", "--name-only", "main", tag) == "action.yml"
    assert place.git("rev-parse", f"{tag}^") == place.git("rev-parse", "main")
    assert place.git("rev-parse", major) == place.git("rev-parse", tag)
    assert "ghs-of-the-release" not in acted.said


async def test_the_next_release_moves_the_major_tag(tmp_path: Path, project_root: Path) -> None:
    """The major's tag goes to the next release; the same version again is refused and moves nothing."""
    place = Place(tmp_path, project_root)
    first = place.version
    assert (await place.run()).code == 0
    before = place.git("rev-parse", f"v{first}")
    refused = await place.run()
    assert refused.code == 1
    major, minor, patch = first.split(".")
    assert place.git("rev-parse", f"v{first}") == before == place.git("rev-parse", f"v{major}")
    place.release_next(f"{major}.{minor}.{int(patch) + 1}")
    acted = await place.run()
    assert acted.code == 0, acted.said[-6000:]
    assert place.git("rev-parse", f"v{major}") == place.git("rev-parse", f"v{place.version}") != before
    assert place.git("rev-parse", f"v{first}") == before


async def test_another_version_than_the_repository_names(tmp_path: Path, project_root: Path) -> None:
    """It is refused with the reason before anything is built."""
    place = Place(tmp_path, project_root)
    acted = await place.run("99.0.0")
    assert acted.code == 1
    assert f"pyproject.toml says {place.version}, and not 99.0.0" in acted.said
    assert place.asked("make") == place.asked("docker") == place.asked("gh") == []
    assert place.git("tag") == ""
