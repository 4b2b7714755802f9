"""Projects made at random, every text of them out of the pieces that hostile texts are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from any_changes import AnyChanges
from any_extras import AnyExtras
from any_history import AnyHistory
from fragments import FRAGMENTS
from lab import Lab

from gl2gh_batch.domain import request
from gl2gh_batch.sandbox.seeds.history import run_git

_ODD: Final = (
    "::error::x",
    "\x1b[31mred",
    "<!-- gl2gh:issues/1 -->",
    "```",
    "]] ]]>",
    "|",
    "@octocat fixes #1",
    "é" * 20,
    "😀",
    "\u202e",
    "<script>",
    "%0A::set-output",
    "a\tb",
)
_PEOPLE: Final = {
    "anna": {"name": "Anna"},
    "ben": {"name": "Ben @octocat <b>"},
    "cleo": {"name": "::error::"},
    "dora": {"name": "D", "state": "blocked"},
    "bot_1": {"name": "B", "bot": True},
}
_LABELS: Final = (
    "bug",
    "Bug",
    "BUG",
    "type::bug",
    "a" * 60,
    "ünï",
    "with space",
    "😀 party",
    "q?x#y",
    "<b>",
    "wontfix",
)
_MILESTONES: Final = ("1.0", "v1", "V1", "M " + "y" * 240, "Sprint 1", "<i>")
_SAID_BY_GITLAB: Final = ("changed the description", "assigned to @anna", "closed", "mentioned in !1")
# Around the limits of a body and of an import.
_LENGTHS: Final = (65_000, 65_536, 66_000, 140_000)


class AnyProject:
    """The project of a seed: its `description` for the sandbox, and `policies` to carry it by.

    `words` stand in one text each: the item of that text, empty where the policies keep it from GitHub.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.words: dict[str, str] = {}
        self.history = AnyHistory(
            self._random, [self._words(3) or "m", "one", "Closes #1", "-m x", "é\n\nbody"]
        )
        self._extras = AnyExtras(self._random, say=self._words, title=self._title, moment=self._moment)
        self._changes = AnyChanges(
            self._random,
            self.history,
            item=lambda iid: self._item(iid, self._labels),
            say=lambda: self._words() or "x",
            someone=self._someone,
        )
        self._labels: list[str] = []
        self.policies = self._policies()
        self.description = self._description()

    def settle(self, lab: Lab) -> None:
        """What a description cannot say: refs that are gone, heads that nobody has, addresses of files."""
        world = lab.sandbox.gitlab
        found = world.projects[17]
        if self.history.commits:
            for ref in self._changes.deleted:
                run_git(world.repository(found), "update-ref", "-d", ref)
        for iid in self._changes.lost:
            found.merge_requests[iid].sha = f"{iid:040x}"
        for release in found.releases:
            for link in release.links:
                link["url"] = link["url"].replace("{gitlab}", lab.sandbox.gitlab_url)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _words(self, most: int = 6) -> str:
        pick = self._random.choice
        return "".join(
            pick([pick(FRAGMENTS), pick(_ODD), "word", "Text here"]) + pick([" ", "\n", "\n\n"])
            for _ in range(self._random.randint(0, most))
        )

    def _title(self) -> str:
        return (" ".join(self._words(3).split()) or "T")[: self._random.choice([255, 40])]

    def _moment(self) -> datetime:
        return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=self._random.randint(0, 3 * 10**7))

    def _policies(self) -> dict[str, Any]:
        pick = self._random.choice
        policies = {
            "merge_requests": pick(list(request.MergeRequestPolicy)).value,
            "notes": pick(list(request.NotesPolicy)).value,
            "system_notes": pick(list(request.SystemNotesPolicy)).value,
            "confidential": pick(list(request.ConfidentialPolicy)).value,
            "numbering": pick(["issues-exact", "merge-requests-exact", "compact"]),
            "attachments": pick(list(request.AttachmentPolicy)).value,
            "snippets": pick(list(request.SnippetsPolicy)).value,
            "wiki": pick([request.WikiPolicy.DOCS_BRANCH, request.WikiPolicy.SKIP]).value,
        }
        return policies | ({"issues_via": "rest"} if self._chance(0.3) else {})

    def _description(self) -> dict[str, Any]:
        labels = [self._label(title) for title in self._some(_LABELS, 8)]
        milestones = [self._milestone(title) for title in self._some(_MILESTONES, 4)]
        has_history = self._chance(0.85)
        self._labels = [one["title"] for one in labels]
        titles = [one["title"] for one in milestones]
        found: dict[str, Any] = {
            "project": {
                "path": "acme/app",
                "id": 17,
                "name": self._title()[:50],
                "description": self._words(4),
                "created_at": datetime(2024, 1, 1, tzinfo=UTC),
                "topics": self._random.choice([[], ["Tools", "C++", "ünï"], ["a" * 60]]),
                "creator": "anna",
            },
            "users": _PEOPLE,
            "members": {"anna": "owner", "ben": "developer"},
            "labels": labels,
            "milestones": milestones,
            "issues": self._issues(self._labels, titles),
            "repository": {},
            **self._extras.describe(["v1.0", "v2"] if has_history else [], titles),
        }
        for one in found["issues"]:
            self._mark(one, f"issues/{one['iid']}")
        if has_history:
            self.history.begin()
            iids = self._numbers(self._random.choice([0, 2, 5, 9]))
            found["merge_requests"] = self._changes.make(iids)
            for one in found["merge_requests"]:
                self._mark(one, f"merge_requests/{one['iid']}")
            found["repository"] = {
                "default_branch": "main",
                "commits": self.history.commits,
                "branches": {"release/1.0": self.history.main[0], "Ünï&co": self.history.main[-1]},
                "tags": {
                    "v1.0": self.history.main[0],
                    "v2": {"commit": self.history.main[-1], "message": "m"},
                },
            }
        return found

    def _some(self, titles: tuple[str, ...], most: int) -> list[str]:
        return self._random.sample(titles, self._random.randint(0, most))

    def _label(self, title: str) -> dict[str, Any]:
        colour = self._random.choice(["#fff", "#AbCdEf", "#000000"])
        return {"title": title, "color": colour, "description": self._words(3)[:200]}

    def _milestone(self, title: str) -> dict[str, Any]:
        due = {"due_date": date(2024, self._random.randint(1, 12), 3)} if self._chance(0.5) else {}
        state = self._random.choice(["active", "closed"])
        return {"title": title, "description": self._words(3), "state": state, **due}

    def _mark(self, item: dict[str, Any], place: str) -> None:
        """Put a word that no other text has before most texts of an item, and a file into some."""
        is_hidden = bool(item.get("confidential"))
        for one, name in ((item, "description"), *((note, "body") for note in item["notes"])):
            if one.get("system") or self._chance(0.2):
                continue
            text = f"{one[name] or ''}" + (f"\n\n{self._extras.upload_link()}" if self._chance(0.2) else "")
            word = f"tok{len(self.words):05}z"
            one[name] = f"{word}\n\n{text}"
            is_read = self.policies["confidential"] == "include" or not (is_hidden or one.get("internal"))
            self.words[word] = place if is_read else ""

    def _notes(self) -> list[dict[str, Any]]:
        notes = []
        for _ in range(self._random.choice([0, 0, 1, 2, 5])):
            note: dict[str, Any] = {
                "author": self._someone(),
                "body": self._words() or "x",
                "at": self._moment(),
            }
            if self._chance(0.1):
                note |= {"system": True, "body": self._random.choice(_SAID_BY_GITLAB)}
            elif self._chance(0.1):
                note["internal"] = True
            elif self._chance(0.2):
                note |= {"thread": f"t{self._random.randint(1, 3)}", "awards": {"thumbsup": ["anna", "ben"]}}
            if self._chance(0.05):
                note["body"] = "x" * self._random.choice(_LENGTHS)
            notes.append(note)
        return sorted(notes, key=lambda note: note["at"])

    def _someone(self) -> str:
        return self._random.choice(sorted(_PEOPLE))

    def _item(self, iid: int, labels: list[str]) -> dict[str, Any]:
        item = {
            "iid": iid,
            "title": self._title(),
            "author": self._someone(),
            "description": self._random.choice([None, "", self._words(12), self._words(12)]),
            "created_at": self._moment(),
            "notes": self._notes(),
            "labels": self._random.sample(labels, self._random.randint(0, len(labels))),
        }
        if self._chance(0.1):
            item["description"] = "y" * self._random.choice(_LENGTHS)
        if self._chance(0.3):
            item["assignees"] = self._random.sample(sorted(_PEOPLE), self._random.randint(1, 3))
        if self._chance(0.2):
            item["awards"] = {self._random.choice(["thumbsup", "tada", "x_y"]): ["anna", "dora"]}
        return item

    def _numbers(self, amount: int) -> list[int]:
        iids, iid = [], 0
        for _ in range(amount):
            iid += self._random.choice([1, 1, 1, 2, 4])
            iids.append(iid)
        return iids

    def _issues(self, labels: list[str], milestones: list[str]) -> list[dict[str, Any]]:
        iids = self._numbers(self._random.choice([0, 1, 4, 8]))
        issues = []
        for iid in iids:
            issue = self._item(iid, labels)
            if milestones and self._chance(0.5):
                issue["milestone"] = self._random.choice(milestones)
            if self._chance(0.4):
                ended = issue["created_at"] + timedelta(hours=3)
                issue |= {"state": "closed", "closed_at": ended, "closed_by": self._someone()}
            if self._chance(0.2):
                issue |= {"due_date": date(2024, 5, 1), "weight": 3, "time_estimate": 3600}
            for name, value in (
                ("confidential", True),
                ("locked", True),
                ("type", "incident"),
                ("type", "task"),
            ):
                if self._chance(0.1):
                    issue[name] = value
            if len(iids) > 1 and self._chance(0.2):
                other = self._random.choice([one for one in iids if one != iid])
                kind = self._random.choice(["relates_to", "blocks", "is_blocked_by"])
                issue["links"] = [{"type": kind, "issue": other}]
            issues.append(issue)
        return issues
