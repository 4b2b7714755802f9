"""What GitLab's own notes tell that its REST API says nowhere else, or only for a request more.

The words are those of GitLab's `app/services/system_notes/issuables_service.rb` and
`design_management_service.rb`, which are not translated. Only notes marked `system` are read: nobody can
write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.source import models as gitlab

_REFERENCE: Final = r"(?P<project>[\w.\-/]*)#(?P<iid>[0-9]{1,9})"
_PARENT: Final = re.compile(rf"added {_REFERENCE} as parent\b")
_NO_PARENT: Final = re.compile(rf"removed parent [\w ]{{1,30}} {_REFERENCE}")
_CHILD: Final = re.compile(rf"added {_REFERENCE} as child\b")
_NO_CHILD: Final = re.compile(rf"removed child [\w ]{{1,30}} {_REFERENCE}")
_MOVED: Final = re.compile(rf"moved (?P<way>to|from) {_REFERENCE}")
_DUPLICATE: Final = re.compile(rf"marked this [\w ]{{1,30}} as a duplicate of {_REFERENCE}")
_LINKED: Final = re.compile(
    r"marked this [\w ]{1,30} as (?:related|blocking|blocked)\b|(?:blocks|is blocked by) "
)
_DESIGN: Final = re.compile(r"(?:added|updated|modified|removed) \[?[0-9]+ designs?\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueName:
    """An issue as a note names it; `project` is empty for the note's own, or a path, in full or its end."""

    project: str
    iid: int

    def path(self, own: str) -> str:
        """The full path of the project, seen from the project `own`."""
        if not self.project:
            return own
        return self.project if "/" in self.project else f"{own.rpartition('/')[0]}/{self.project}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the notes of one issue tell, the latest word of each."""

    parent: IssueName | None = None
    children: tuple[IssueName, ...] = ()
    moved_to: IssueName | None = None
    moved_from: IssueName | None = None
    duplicate_of: IssueName | None = None
    mentions_links: bool = False
    mentions_designs: bool = False


def read_history(notes: Iterable[gitlab.Note]) -> History:
    """The history in notes that are in the order of their dates."""
    parent: IssueName | None = None
    duplicate: IssueName | None = None
    children: dict[IssueName, None] = {}
    moved: dict[str, IssueName] = {}
    links = designs = False
    for note in notes:
        if not note.system or not note.body:
            continue
        body = note.body
        if found := _PARENT.match(body):
            parent = _name(found)
        elif found := _NO_PARENT.match(body):
            parent = None if parent == _name(found) else parent
        elif found := _CHILD.match(body):
            children[_name(found)] = None
        elif found := _NO_CHILD.match(body):
            children.pop(_name(found), None)
        elif found := _MOVED.match(body):
            moved[found["way"]] = _name(found)
        elif found := _DUPLICATE.match(body):
            duplicate = _name(found)
        else:
            links = links or _LINKED.match(body) is not None
            designs = designs or _DESIGN.match(body) is not None
    return History(
        parent=parent,
        children=tuple(children),
        moved_to=moved.get("to"),
        moved_from=moved.get("from"),
        duplicate_of=duplicate,
        mentions_links=links,
        mentions_designs=designs,
    )


def _name(found: re.Match[str]) -> IssueName:
    return IssueName(project=found["project"], iid=int(found["iid"]))
