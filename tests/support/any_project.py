"""Projects made at random, every text of them out of the pieces that hostile texts are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from fragments import FRAGMENTS

from gl2gh_batch.domain import request

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
    """The project of a seed: its `description` for the sandbox, and `policies` to carry it by."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.policies = self._policies()
        self.description = self._description()

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
        }
        return policies | ({"issues_via": "rest"} if self._chance(0.3) else {})

    def _description(self) -> dict[str, Any]:
        labels = [self._label(title) for title in self._some(_LABELS, 8)]
        milestones = [self._milestone(title) for title in self._some(_MILESTONES, 4)]
        has_history = self._chance(0.85)
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
            "issues": self._issues([one["title"] for one in labels], [one["title"] for one in milestones]),
            "repository": self._repository() if has_history else {},
        }
        if has_history:
            found["merge_requests"] = self._merge_requests([one["title"] for one in labels])
        if self._chance(0.3):
            at = self._moment()
            file = {"a.sh": self._words()}
            found["snippets"] = [{"title": self._title(), "author": "anna", "files": file, "created_at": at}]
        if self._chance(0.3):
            found["wiki"] = {"Home.md": self._words() or "x", "x/Y.md": "[[Home]] #1"}
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

    def _merge_requests(self, labels: list[str]) -> list[dict[str, Any]]:
        found = []
        for iid in self._numbers(self._random.choice([0, 0, 2, 5])):
            one = self._item(iid, labels)
            state = self._random.choice(["opened", "closed", "merged"])
            one |= {"state": state, "source_branch": f"f{iid}", "target_branch": "main"}
            ended = one["created_at"] + timedelta(days=1)
            if state == "merged":
                one |= {"merged_by": self._someone(), "merged_at": ended}
            if state == "closed":
                one["closed_at"] = ended
            if self._chance(0.5):
                one["branch"] = "deleted"
            if self._chance(0.3):
                one |= {"draft": True, "reviewers": ["ben"], "approved_by": ["anna", "cleo"]}
            found.append(one)
        return found

    def _repository(self) -> dict[str, Any]:
        return {
            "default_branch": "main",
            "commits": [
                {
                    "name": "one",
                    "message": self._words(3) or "m",
                    "author": "anna",
                    "files": {"README.md": "# x\n"},
                },
                {"name": "two", "message": "two", "author": "ben", "files": {"a b/ü.txt": "x"}},
            ],
            "tags": {"v1.0": "one"},
        }
