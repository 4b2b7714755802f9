"""YAML descriptions as seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gl2gh_batch.sandbox import seeds
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import run_git
from gl2gh_batch.sandbox.seeds.records import Project


def load(folder: Path, text: str) -> tuple[World, Project]:
    """A world with one described project."""
    path = folder / "seed.yml"
    path.write_text(text, encoding="utf-8")
    root = folder / "world"
    root.mkdir()
    world = World(root)
    return world, world.add(path)


def test_the_least_is_a_path(tmp_path: Path) -> None:
    """A project of a path alone has a name, a history and no issues."""
    world, project = load(tmp_path, "project: {path: a/b}\n")
    assert (project.name, project.visibility, project.issues, project.default_branch) == (
        "b",
        "private",
        {},
        "main",
    )
    assert world.group("a") is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected keys and values, got nothing"),
        ("[1]", "expected keys and values, got a list"),
        ("project: {}", r"project\.path: is needed"),
        ("project: {path: alone}", "expected group/name, got 'alone'"),
        ("project: {path: a/b, visibilty: public}", "unknown key 'visibilty'; did you mean 'visibility'"),
        (
            "project: {path: a/b, visibility: secret}",
            "expected one of private, internal, public, got 'secret'",
        ),
        ("project: {path: a/b}\nisues: []", "unknown key 'isues'; did you mean 'issues'"),
        ("project: {path: a/b}\nissues: {}", r"issues: expected a list, got keys and values"),
        ("project: {path: a/b}\nissues: [{}]", r"issues\[0\]\.title: is needed"),
        ("project: {path: a/b}\nissues: [{title: x, iid: -1}]", r"issues\[0\]\.iid: expected a whole number"),
        ("project: {path: a/b}\nissues: [{title: x, iid: 1}, {title: y, iid: 1}]", "1 is there twice"),
        ("project: {path: a/b}\nissues: [{title: x, notes: [{text: y}]}]", r"notes\[0\]: unknown key 'text'"),
        ("project: {path: a/b}\nissues: [{title: x, labels: one}]", "labels: expected a list of texts"),
        ("project: {path: a/b}\nissues: [{title: x, confidential: 1}]", "expected true or false, got 1"),
        ("project: {path: a/b}\nissues: [{title: x, created_at: soon}]", "expected a time like"),
        ("project: {path: a/b}\nissues: [{title: x, due_date: soon}]", "expected a date like"),
        ("project: {path: a/b}\nlabels: [{title: x, color: red}]", "expected a colour like #428bca"),
        ("project: {path: a/b}\nmembers: {anna: boss}", r"members\.anna: expected one of guest"),
        ("project: {path: a/b}\nrepository: {branches: {x: y}}", "there is no commit 'y'"),
        ("project: {path: a/b}\nuploads: [{secret: x, filename: y}]", "expected 32 hexadecimal digits"),
        (f"project: {{path: a/b}}\nuploads: [{{secret: {'a' * 32}, filename: ../y}}]", "the name of a file"),
        (
            "project: {path: a/b}\nreleases: [{tag: v1, links: [{name: x, url: y, direct_asset_path: z}]}]",
            "direct_asset_path: expected /path/to/a/file, got 'z'",
        ),
        ("project: {path: a/b", "seed.yml"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    """Where in the file, what was expected, and the nearest right name."""
    with pytest.raises(seeds.SeedError, match=words):
        load(tmp_path, text)


def test_numbers_may_have_gaps(tmp_path: Path) -> None:
    """A number that is left out is the next one."""
    _, project = load(
        tmp_path, "project: {path: a/b}\nissues: [{title: a}, {title: b, iid: 7}, {title: c}]\n"
    )
    assert list(project.issues) == [1, 7, 8]


HISTORY = """
project: {path: a/b, creator: anna, created_at: 2023-01-01T00:00:00Z}
users: {anna: {name: "Anna <x>", email: anna@example.com}}
repository:
  default_branch: trunk
  commits:
    - {name: one, message: One, files: {a.txt: "1\\n", "ünï cödé \\"q\\".txt": x}}
    - {name: two, message: Two, branch: side, files: {b/c.txt: "2"}}
    - {name: three, message: Three, files: {a.txt: null, d.txt: "3"}}
    - {name: four, message: Merge, parents: [three, two], date: 2023-02-01T12:00:00+09:00}
  tags: {v1: one, v2: {commit: four, message: Annotated}}
  generated: {commits: 20, branches: 2, tags: 4, seed: 3}
merge_requests:
  - {title: Described, source_branch: side, head: two}
  - {title: Made, state: merged, source_branch: gone}
"""


def test_the_described_history_is_written(tmp_path: Path) -> None:
    """Parents, trees, authors, dates, branches and tags are those of the description."""
    world, project = load(tmp_path, HISTORY)
    repository = world.repository(project)

    def git(*arguments: str) -> str:
        return run_git(repository, *arguments).decode().strip()

    assert git("symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert git("fsck", "--strict") == ""
    assert (
        git("log", "--format=%an %ae %aI", "-1", "v1") == "Anna x anna@example.com 2023-01-01T01:00:00+00:00"
    )
    assert git("log", "--format=%cI", "-1", "v2^{}") == "2023-02-01T12:00:00+09:00"
    assert git("log", "--format=%s", "-2", "--topo-order", "side").split("\n") == ["Two", "One"]
    assert git("cat-file", "-t", "v2") == "tag"
    assert len(git("log", "--format=%P", "-1", "v2^{}").split()) == 2
    files = run_git(repository, "ls-tree", "-r", "-z", "--name-only", "v2^{}").decode().split("\0")
    assert files == ["d.txt", 'ünï cödé "q".txt', ""]
    tags = git("for-each-ref", "--format=%(refname:short)", "refs/tags").split()
    assert tags == ["v0.1.0", "v0.2.0", "v0.3.0", "v0.4.0", "v1", "v2"]
    described, made = project.merge_requests.values()
    assert described.sha == git("rev-parse", "side")
    assert described.base_sha == git("rev-parse", "v1")
    assert made.merge_commit_sha == git("rev-parse", "trunk")
    assert "refs/heads/gone" not in git("for-each-ref", "--format=%(refname)")
    assert git("rev-parse", "refs/merge-requests/2/head") == made.sha


def test_the_same_description_has_the_same_shas(tmp_path: Path) -> None:
    """On every machine and at every time."""
    refs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world, project = load(tmp_path / name, HISTORY)
        refs.append(run_git(world.repository(project), "for-each-ref"))
    assert refs[0] == refs[1]
    assert b"refs/heads/trunk" in refs[0]


def test_groups_of_several_files_are_one(tmp_path: Path) -> None:
    """Labels, milestones and members of a group that two files describe are laid together, people too."""
    root = tmp_path / "world"
    root.mkdir()
    world = World(root)
    for index, label in enumerate(("one", "two")):
        path = tmp_path / f"{index}.yml"
        path.write_text(
            f"project: {{path: g/p{index}, visibility: public}}\n"
            f"groups: {{g: {{name: G, labels: [{{title: {label}}}, {{title: both}}],"
            f" members: {{anna: owner}}}}}}\n"
            f"users: {{anna: {{name: Anna}}}}\n"
            "milestones: [{title: same}]\n"
        )
        world.add(path)
    group = world.group("G")
    assert group is not None
    assert [label.title for label in group.labels] == ["one", "both", "two"]
    assert [member.username for member in group.members] == ["migrator", "anna"]
    assert (group.name, group.visibility) == ("G", "public")
    ids = [milestone.id for project in world.projects.values() for milestone in project.milestones]
    assert len(set(ids)) == 2


def test_a_place_can_be_taken_once(tmp_path: Path) -> None:
    """Two projects of one path or id are refused, and the first stays."""
    path = tmp_path / "seed.yml"
    path.write_text("project: {path: a/b, id: 4}\n")
    root = tmp_path / "world"
    root.mkdir()
    world = World(root)
    world.add(path)
    with pytest.raises(ValueError, match="two projects with the path a/b"):
        world.add(path)
    with pytest.raises(ValueError, match="two projects with the id 4"):
        world.add(path, project_id=4, full_path="a/c")
    assert world.add(path, full_path="a/c").id != 4
    assert sorted(project.full_path for project in world.projects.values()) == ["a/b", "a/c"]
    assert not list(root.glob("incoming-*"))


@pytest.mark.parametrize("sample", seeds.SAMPLES)
def test_a_sample_is_consistent(sample: str, tmp_path: Path) -> None:
    """Nobody and nothing that a sample names has to be made up by the world."""
    world = World(tmp_path)
    project = world.add(sample)
    for username, user in world.users.items():
        assert user.name != username, f"{username} is not described"
    described = Path(sample).read_text(encoding="utf-8")
    titles = [label.title for label in project.labels] + [each.title for each in project.milestones]
    for title in titles:
        assert f"title: {title}" in described or f'title: "{title}"' in described, title


def test_the_samples_show_what_they_are_for(tmp_path: Path) -> None:
    """History, scoped labels, threads, unicode, gaps, emptiness, an archive, a wiki without issues."""
    world = World(tmp_path)
    billing, storefront, empty, handbook, intranet, _ = (world.add(sample) for sample in seeds.SAMPLES)
    assert any("::" in label.title for label in billing.labels)
    assert len(billing.issues[2].notes) >= 10
    assert max(storefront.issues) > len(storefront.issues)
    assert any(ord(letter) > 0xFFFF for issue in storefront.issues.values() for letter in issue.title)
    assert empty.issues
    assert empty.default_branch is None
    assert not handbook.issues
    assert world.wiki_repository(handbook).exists()
    assert intranet.archived
    issues = [issue for project in world.projects.values() for issue in project.issues.values()]
    assert len(issues) >= 40
    assert sum(len(issue.notes) for issue in issues) >= 130
