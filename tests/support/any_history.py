"""Histories made at random: a main line, and branches that change, add, rename and remove files of it."""

from __future__ import annotations

import difflib
from random import Random
from typing import Any, Final

from whole import HAS_LFS

# A file's text, or what stands for an LFS object.
Content = str | dict[str, str]
Tree = dict[str, Content]

PATHS: Final = (
    "README.md",
    "src/app.py",
    "a b/ü.txt",
    "-rf",
    "--output=x",
    ":(exclude)x.c",
    "*.md",
    "深/文.txt",
    "back\\slash.txt",
    'quo"te.txt',
    "tab\there.txt",
    "trailing ",
    "dir/sub/file.c",
    "CON.txt",
)
_LINES: Final = (
    "x = 1",
    "",
    "  y",
    "@@ -1 +1 @@",
    "--- a/x",
    "+++ b/x",
    "diff --git a/x b/x",
    "é",
    "\\",
    "-",
)


class AnyHistory:
    """Commits by name with their whole trees, in the order in which a description lists them."""

    def __init__(self, random: Random, messages: list[str]) -> None:
        self._random = random
        self._messages = messages
        self.commits: list[dict[str, Any]] = []
        self.trees: dict[str, Tree] = {}
        self.main: list[str] = []

    def chance(self, share: float) -> bool:
        """True in that share of all cases."""
        return self._random.random() < share

    def commit(self, branch: str, parents: list[str], tree: Tree) -> str:
        """Add a commit of that tree; its name."""
        name = f"c{len(self.commits)}"
        before = self.trees[parents[0]] if parents else {}
        files: dict[str, Content | None] = {
            path: content for path, content in tree.items() if before.get(path) != content
        }
        files |= dict.fromkeys(before.keys() - tree.keys())
        self.commits.append(
            {
                "name": name,
                "branch": branch,
                "parents": parents,
                "message": self._random.choice(self._messages),
                "author": self._random.choice(["anna", "ben"]),
                "files": files,
            }
        )
        self.trees[name] = tree
        if branch == "main":
            self.main.append(name)
        return name

    def begin(self) -> None:
        """The first commits of the main line."""
        paths = self._random.sample(PATHS, self._random.randint(2, 6))
        self.commit("main", [], {path: self.text() for path in paths})
        for _ in range(self._random.randint(0, 3)):
            self.go_on()

    def go_on(self) -> str:
        """One more commit on the main line."""
        return self.commit("main", [self.main[-1]], self.changed(self.trees[self.main[-1]]))

    def text(self) -> str:
        """The content of a file: most often lines, sometimes nothing, no text, or no newline at its end."""
        pick = self._random.choice
        lines = [f"{pick(_LINES)} {number}" for number in range(self._random.choice([1, 3, 12, 40, 80]))]
        whole = "\n".join(lines) + "\n"
        return pick(
            [whole, whole, whole, whole, whole.rstrip("\n"), whole.replace("\n", "\r\n"), "", "\0bin"]
        )

    def changed(self, tree: Tree) -> Tree:
        """The tree with a change to some of its files."""
        made = dict(tree)
        for _ in range(self._random.randint(1, 3)):
            texts = sorted(path for path, content in made.items() if isinstance(content, str))
            sort = self._random.choice(["edit", "edit", "edit", "add", "remove", "rename", "lfs"])
            if not texts or sort == "add":
                made[self._random.choice(PATHS)] = self.text()
                continue
            path = self._random.choice(texts)
            content = str(made[path])
            if sort == "remove" and len(made) > 1:
                del made[path]
            elif sort == "rename":
                del made[path]
                made[f"moved/{path}"] = self.edited(content) if self.chance(0.5) else content
            elif sort == "lfs" and HAS_LFS:
                made[".gitattributes"] = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
                made["large.bin"] = {"lfs": f"object {self._random.randint(1, 6)}"}
            else:
                made[path] = self.edited(content)
        return made

    def edited(self, content: str) -> str:
        """The text with lines put in, taken out and replaced."""
        lines = content.splitlines(keepends=True)
        for _ in range(self._random.randint(1, 4)):
            at = self._random.randint(0, len(lines))
            new = [f"new {self._random.randint(0, 99)}\n" for _ in range(self._random.randint(0, 3))]
            lines[at : at + self._random.randint(0, 3)] = new
        return "".join(lines)

    def merged(self, onto: str, base: str, head: str) -> Tree:
        """What a merge makes: the tree of one commit with what changed from the base to the head."""
        made, before, after = dict(self.trees[onto]), self.trees[base], self.trees[head]
        for path in {*before, *after}:
            if before.get(path) != after.get(path):
                if path in after:
                    made[path] = after[path]
                else:
                    made.pop(path, None)
        return made


def lines_of(old: Content | None, new: Content | None) -> list[tuple[int | None, int | None]]:
    """Each line of a diff as its numbers in the old and in the new file, None where it is not in one."""
    before = old.splitlines() if isinstance(old, str) else []
    after = new.splitlines() if isinstance(new, str) else []
    found: list[tuple[int | None, int | None]] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [(i1 + n + 1, j1 + n + 1) for n in range(i2 - i1)]
        else:
            found += [(n + 1, None) for n in range(i1, i2)] + [(None, n + 1) for n in range(j1, j2)]
    return found
