"""Releases and their assets as GitHub keeps them; the bytes of assets lie in files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

UPLOADED: Final = "uploaded"
STARTER: Final = "starter"
_OTHER_SIGNS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS: Final = re.compile(r"\.{2,}")


@dataclass(slots=True, kw_only=True)
class Asset:
    """A file of a release; one in state `starter` is what a broken upload left behind."""

    id: int
    name: str
    uploader: str
    created_at: str
    path: Path
    label: str | None = None
    content_type: str = "application/octet-stream"
    state: str = UPLOADED
    size: int = 0
    sha256: str = ""

    def fill(self, content: bytes) -> None:
        """Give it these bytes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(content)
        self.size, self.sha256 = len(content), hashlib.sha256(content).hexdigest()


@dataclass(slots=True, kw_only=True)
class Release:
    """A release; a draft has no tag of its own yet, only the name of one."""

    id: int
    tag_name: str
    target_commitish: str
    author: str
    created_at: str
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    published_at: str | None = None
    make_latest: str = "true"
    assets: dict[int, Asset] = field(default_factory=dict)

    def asset(self, name: str) -> Asset | None:
        """The asset of that name, whatever its state."""
        return next((each for each in self.assets.values() if each.name == name), None)


def kept_name(name: str) -> str:
    """The name under which GitHub keeps an asset: other signs become dots, dots at the ends go.

    "GitHub renames asset filenames that have special characters, non-alphanumeric characters, and leading
    or trailing periods" (github/docs upload-a-release-asset).
    """
    dotted = _DOTS.sub(".", _OTHER_SIGNS.sub(".", name))
    inner = dotted.strip(".")
    return f"default.{inner}" if dotted.startswith(".") or not inner else inner
