"""What belongs to a project beside its work items, made at random and hostile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any, Final
from urllib.parse import quote

_FILES: Final = (
    "app.zip",
    "App.ZIP",
    "a b.zip",
    "a-b.zip",
    "a_b.zip",
    "..hidden",
    "x;y|z.tar.gz",
    "ü.zip",
    "日本.zip",
    "-rf",
    "evidence-1.json",
    "a%2e%2e.zip",
    "$(touch x).sh",
    "n" * 180 + ".txt",
    "<b>.html",
    "con",
    "empty.bin",
)
_PATHS: Final = (
    "a.sh",
    "A.SH",
    "../../etc/passwd",
    ".git/config",
    ".gitattributes",
    "sub/README.md",
    "README.md",
    "readme.md",
    "/abs",
    "a b.txt",
    "-rf",
    "x\\..\\y",
    "日本.txt",
)
_PAGES: Final = (
    "home",
    "Home",
    "a/b",
    "A B",
    "_sidebar",
    "-rf",
    "日本",
    "x:y",
    "a?b",
    "README",
    "..a",
    "sub/home",
)


class AnyExtras:
    """The parts of a description; addresses of GitLab begin with `{gitlab}` until it is known."""

    def __init__(
        self,
        random: Random,
        *,
        say: Callable[[], str],
        title: Callable[[], str],
        moment: Callable[[], datetime],
    ) -> None:
        self._random = random
        self._say = say
        self._title = title
        self._moment = moment
        self.uploads = [self._upload(number) for number in range(random.choice([0, 0, 2, 5]))]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _some(self, names: tuple[str, ...], most: int) -> list[str]:
        return self._random.sample(names, self._random.randint(0, most))

    def _upload(self, number: int) -> dict[str, Any]:
        content = self._random.choice(["a picture", "another", "", "x" * 3000])
        name = self._random.choice(_FILES)
        return {"secret": f"{number + 1:032x}", "filename": name, "text": content}

    def upload_link(self) -> str:
        """A link to a file that is there, or to none."""
        pick = self._random.choice
        if not self.uploads or self._chance(0.1):
            return f"![gone](/uploads/{'d' * 32}/gone.png)"
        one = pick(self.uploads)
        path = f"/uploads/{one['secret']}/{quote(one['filename'])}"
        return pick(
            [f"![x]({path})", f"[x]({path}){{width=3}}", f'<img src="{path}">', f"[y](/-/project/17{path})"]
        )

    def describe(self, tags: list[str], milestones: list[str]) -> dict[str, Any]:
        """Uploads, packages, releases, snippets and wiki, each in some of the projects."""
        found: dict[str, Any] = {"uploads": self.uploads}
        if self._chance(0.5):
            names = self._some(_FILES, 8)
            texts = {name: "" if name == "empty.bin" else f"file {name}" for name in names}
            found["packages"] = [{"name": "app", "version": "1", "files": texts}]
            found["releases"] = [self._release(tag, names, milestones) for tag in self._tags(tags)]
        if self._chance(0.4):
            found["snippets"] = [self._snippet() for _ in range(self._random.randint(1, 3))]
        if self._chance(0.4):
            found["wiki"] = {f"{name}.md": self._page() for name in self._some(_PAGES, 6)}
        return found

    def _tags(self, tags: list[str]) -> list[str]:
        return self._random.sample(
            [*tags, "gone-1", "gone/2"], min(self._random.randint(0, 3), len(tags) + 2)
        )

    def _release(self, tag: str, names: list[str], milestones: list[str]) -> dict[str, Any]:
        api = "{gitlab}/api/v4/projects/17/packages/generic/app/1"
        links = [
            {"name": self._title()[:60] or "x", "url": f"{api}/{quote(name, safe='')}", "type": "package"}
            for name in [*names, *self._random.sample(names, min(2, len(names)))]
        ]
        links += self._random.sample(
            [
                {"name": "docs", "url": "https://docs.example.com/@anna", "type": "runbook"},
                {"name": "gone", "url": f"{api}/gone.zip"},
                {"name": "secret", "url": "{gitlab}/api/v4/projects/18/packages/generic/a/1/x"},
                {"name": "out", "url": f"{api}/%2e%2e/%2e%2e/18/variables"},
                {"name": "script", "url": "javascript:alert(1)"},
                {"name": "ext", "url": "ext::sh -c x"},
            ],
            self._random.randint(0, 4),
        )
        at = self._moment()
        released = datetime(2099, 1, 1, tzinfo=at.tzinfo) if self._chance(0.2) else at
        return {
            "tag": tag,
            "name": self._title() or "x",
            "description": self._say(),
            "author": self._random.choice(["anna", "ben", "cleo"]),
            "created_at": at,
            "released_at": released,
            "milestones": self._random.sample(milestones, min(1, len(milestones))),
            "links": links,
            "evidences": [{"text": '{"release": 1}'}] * self._random.randint(0, 2),
        }

    def _snippet(self) -> dict[str, Any]:
        at = self._moment()
        files = {path: self._say() or "x" for path in self._some(_PATHS, 5)} or {"a.sh": "x"}
        found: dict[str, Any] = {
            "title": self._title() or "T",
            "author": "anna",
            "description": self._say(),
            "visibility": self._random.choice(["private", "internal", "public"]),
            "created_at": at,
            "files": files,
        }
        if self._chance(0.4):
            found |= {"updated_at": datetime(2025, 1, 1, tzinfo=at.tzinfo)}
            found["versions"] = [{"files": {"a.sh": "before\n"}, "at": at}]
        return found

    def _page(self) -> str:
        return (
            f"{self._say()}\n\n[[home]] [x](a/b) ![y](uploads/{'e' * 32}/z.png) {self.upload_link()} #1 !1\n"
        )
