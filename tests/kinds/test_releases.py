"""What a release's links lead to, and what its files are called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.kinds._attachments import NAME_LENGTH, addresses, asset_name, branch_name
from gl2gh_batch.kinds._release_files import distinct_names, feature_of, file_name, source_of
from gl2gh_batch.kinds.releases import ReleaseRecord, ReleasesKind
from gl2gh_batch.sandbox.github.published import kept_name
from gl2gh_batch.source import published as gitlab

ROOT = "https://gitlab.example.com"
HASH = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/api/v4/projects/1/packages/generic/a/1.0/b.zip", "/projects/1/packages/generic/a/1.0/b.zip"),
        (
            "/api/v4/projects/group%2Fapp/packages/generic/a/1.0/b.zip",
            "/projects/1/packages/generic/a/1.0/b.zip",
        ),
        ("/api/v4/projects/1/jobs/5/artifacts", "/projects/1/jobs/5/artifacts"),
        ("/group/app/-/jobs/5/artifacts/raw/out/a.txt", "/projects/1/jobs/5/artifacts/out/a.txt"),
        ("/group/app/-/jobs/5/artifacts/download", "/projects/1/jobs/5/artifacts"),
        (
            "/group/app/-/jobs/artifacts/main/raw/a.txt?job=build",
            "/projects/1/jobs/artifacts/main/raw/a.txt?job=build",
        ),
        (f"/group/app/uploads/{HASH}/a.png", f"/projects/1/uploads/{HASH}/a.png"),
        (f"/-/project/1/uploads/{HASH}/a.png", f"/projects/1/uploads/{HASH}/a.png"),
        ("/group/app/-/package_files/7/download", f"{ROOT}/group/app/-/package_files/7/download"),
        # Others', and whatever else our token may read: never.
        ("/api/v4/projects/2/packages/generic/a/1.0/b.zip", None),
        ("/api/v4/projects/1/variables", None),
        ("/api/v4/projects/1/packages/generic/a/1.0/../../../variables", None),
        ("/api/v4/projects/1/packages/generic/a/1.0/b.zip?private_token=x", None),
        ("/api/v4/user", None),
        ("/group/app2/-/jobs/5/artifacts/download", None),
        ("/group/app/-/settings", None),
        (f"/-/project/2/uploads/{HASH}/a.png", None),
    ],
)
def test_only_files_of_the_project_are_read(url: str, address: str | None) -> None:
    """Whoever writes a release can not have our token read what it is not about."""
    assert source_of(ROOT + url, ROOT, 1, "group/app") == address
    for host in ("https://evil.example", f"{ROOT}.evil.example", f"{ROOT}@evil.example", "ftp://gitlab"):
        assert source_of(host + url, ROOT, 1, "group/app") is None


@pytest.mark.parametrize(
    ("url", "feature"),
    [
        ("/api/v4/projects/1/packages/generic/a/1.0/b.zip", "package_registry"),
        ("/group/app/-/package_files/7/download", "package_registry"),
        ("/api/v4/projects/1/jobs/5/artifacts", "builds"),
        ("/group/app/-/jobs/5/artifacts/raw/out/a.txt", "builds"),
        ("/group/app/-/jobs/artifacts/main/raw/a.txt?job=build", "builds"),
        (f"/group/app/uploads/{HASH}/a.png", ""),
        ("/group/app/-/releases/v1/evidences/1.json", ""),
    ],
)
def test_files_are_guarded_by_what_made_them(url: str, feature: str) -> None:
    """Who sees the releases of a project need not see its jobs and packages."""
    assert feature_of(ROOT + url) == feature


@given(st.text(max_size=300))
def test_github_keeps_our_names(filename: str) -> None:
    """Whatever a file is called, GitHub keeps the name that we give it, and git takes its path."""
    name = asset_name(filename)
    assert kept_name(f"0123-{name}") == f"0123-{name}"
    assert kept_name(name) == name
    path = branch_name(filename)
    assert path not in {"", ".", "..", ".git"}
    assert "/" not in path
    assert "\\" not in path
    assert len(path.encode()) <= NAME_LENGTH + 4
    assert path.isprintable()


@given(st.lists(st.text(max_size=20), max_size=12))
def test_names_of_one_release_differ(wanted: list[str]) -> None:
    """No two files of a release share a name, whatever the case; GitHub keeps each."""
    names = list(distinct_names(wanted))
    assert len(names) == len(wanted)
    assert len({name.lower() for name in names}) == len(names)
    assert [kept_name(name) for name in names] == names


def test_files_are_called_by_their_address_or_their_link() -> None:
    """A name at the end of the address wins; `download` is none."""
    assert file_name("https://x/a/My%20app.zip?x=1", "Link") == "My app.zip"
    assert file_name("https://x/package_files/7/download", "Link") == "Link"
    assert file_name("https://x/package_files/7/download", "") == "download"


@pytest.mark.parametrize(
    ("holder", "first"),
    [
        ("", f"/projects/7/uploads/{HASH}/a%20b.png"),
        ("/-/project/12", f"/projects/12/uploads/{HASH}/a%20b.png"),
        ("/-/group/3", f"/groups/3/uploads/{HASH}/a%20b.png"),
        ("/groups/a/b/-", f"/groups/a%2Fb/uploads/{HASH}/a%20b.png"),
        ("/a/b", f"/projects/a%2Fb/uploads/{HASH}/a%20b.png"),
        ("/a/b/-", f"/projects/a%2Fb/uploads/{HASH}/a%20b.png"),
    ],
)
def test_attachments_are_read_from_their_holders(holder: str, first: str) -> None:
    """A project's own, another project's and a group's each have their place in the API."""
    assert addresses(HASH, "a b.png", holder, 7, "group/app")[0] == first


def test_a_tag_that_github_refuses_loses_its_release(setting: Any) -> None:
    """Named with the reason; a release without author, notes and dates is none the worse."""
    refused = ReleaseRecord(release=gitlab.Release(tag_name="f" * 40), tag_sha="1" * 40)
    shaped = ReleasesKind().shape(refused, setting())
    assert shaped.desired is None
    assert "looks like the id of a commit" in shaped.losses[0].reason
    bare = ReleasesKind().shape(ReleaseRecord(release=gitlab.Release(tag_name="v1")), setting())
    assert bare.desired is not None
    assert (bare.desired.name, bare.desired.draft) == ("v1", True)


@pytest.mark.parametrize(
    "sign", ["w", "é", "あ", "🎉", "あ🎉 see #1, ", "a line\n\n", " https://github.com/o/r/issues/1"]
)
def test_notes_that_are_too_long_are_a_loss(setting: Any, sign: str) -> None:
    """They are whole up to GitHub's limit in characters; beyond it the end is listed."""
    record = ReleaseRecord(release=gitlab.Release(tag_name="v1"), tag_sha="1" * 40)

    def shaped(count: int) -> tuple[int, bool, list[str]]:
        notes = sign * count + "END"
        found = ReleasesKind().shape(
            replace(record, release=replace(record.release, description=notes)), setting()
        )
        assert found.desired is not None
        size = len(found.desired.body.encode("utf-16-le")) // 2
        return size, "END" in found.desired.body, [one.what for one in found.losses]

    most = len((sign * 1_000).encode("utf-16-le")) // 2
    fitting = 1_000 * 70_000 // most
    assert shaped(fitting)[1:] == (True, [])
    size, is_whole, lost = shaped(1_000 * 126_000 // most)
    assert (is_whole, lost) == (False, ["the end of the notes"])
    assert 120_000 < size <= 125_000


def test_the_notes_take_all_the_room_there_is(setting: Any) -> None:
    """To the last character that GitHub takes, beside what stands around them; one more is a loss."""

    def shaped(count: int) -> tuple[int, int]:
        release = gitlab.Release(tag_name="v1", description="あ" * count, created_at="2024-01-01T00:00:00Z")
        found = ReleasesKind().shape(ReleaseRecord(release=release, tag_sha="1" * 40), setting())
        assert found.desired is not None
        return len(found.desired.body), len(found.losses)

    around = shaped(1)[0] - 1
    assert shaped(125_000 - around) == (125_000, 0)
    assert shaped(125_000 - around + 1)[1] == 1


def test_files_beyond_the_thousandth_are_losses(setting: Any) -> None:
    """A release holds a thousand; what is beyond is listed and stays a link."""
    from gl2gh_batch.kinds._release_files import ReleaseFile

    files = tuple(
        ReleaseFile(name=f"a{n}", label=f"a{n}", url=f"https://x/{n}", sha256="0" * 64, size=1)
        for n in range(1002)
    )
    record = ReleaseRecord(release=gitlab.Release(tag_name="v1"), files=files, tag_sha="1" * 40)
    shaped = ReleasesKind().shape(record, setting())
    assert shaped.desired is not None
    assert len(shaped.desired.assets) == 1000
    assert len(shaped.losses) == 2
