"""Merge requests made at random, of every sort and in every state, with all that is said about changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, Final

from any_history import AnyHistory, lines_of

SORTS: Final = ("plain",) * 9 + ("same", "empty", "orphan", "fork", "fork", "target-gone", "lost", "by-sha")
# What lines GitLab may name that no diff has, and what shapes they have after migrations of its own.
_ODD_POSITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"new_line": 100_000, "old_line": None},
    {"new_line": 0, "old_line": None},
    {"new_line": None, "old_line": None, "position_type": "text"},
    {"line_range": {}},
    {"line_range": {"start": None, "end": None}},
    {"line_range": {"start": {"line_code": "x", "type": None, "old_line": None, "new_line": None}}},
    {"line_range": {"start": {"type": "new", "new_line": 90_000}, "end": {"type": "new", "new_line": 2}}},
    {"head_sha": None, "base_sha": None, "start_sha": None},
    {"head_sha": "f" * 40},
    {"head_sha": "--upload-pack=x"},
    {"new_path": None, "old_path": None},
    {"new_path": "../../etc/passwd", "old_path": "../../etc/passwd"},
    {"position_type": "image", "x": None, "y": None, "width": None, "height": None},
    {"position_type": "image", "x": 3, "y": 4, "width": 90, "height": 60, "new_line": None},
    {"position_type": "file"},
    {"position_type": "hologram"},
)


class AnyChanges:
    """The merge requests of a project and the history that they change.

    `item` describes what they share with issues, `say` makes a text that can be looked for later.
    """

    def __init__(
        self,
        random: Random,
        history: AnyHistory,
        *,
        item: Callable[[int], dict[str, Any]],
        say: Callable[[], str],
        someone: Callable[[], str],
    ) -> None:
        self._random = random
        self._history = history
        self._item = item
        self._say = say
        self._someone = someone
        # What a description cannot say: refs that are deleted once the repository is there, and lost heads.
        self.deleted: list[str] = []
        self.lost: list[int] = []

    def make(self, iids: list[int]) -> list[dict[str, Any]]:
        """The merge requests of these numbers."""
        return [self._merge_request(iid) for iid in iids]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _merge_request(self, iid: int) -> dict[str, Any]:
        pick, history = self._random.choice, self._history
        sort = pick(SORTS)
        state = (
            "opened" if sort in {"same", "target-gone"} else pick(["opened", "closed", "merged", "merged"])
        )
        one = self._item(iid) | {"state": state, "source_branch": f"f{iid}", "target_branch": "main"}
        if self._chance(0.5) or sort == "orphan":
            history.go_on()
        base = pick(history.main[-3:])
        heads = [base]
        if sort == "orphan":
            heads = [history.commit(f"f{iid}", [], {"alone.txt": history.text()})]
            one["base"] = heads[0]
        elif sort not in {"same", "empty"}:
            for _ in range(self._random.randint(1, 3)):
                parent = base if self._chance(0.2) else heads[-1]  # a force-push, which leaves a version
                heads.append(history.commit(f"f{iid}", [parent], history.changed(history.trees[parent])))
        head = heads[-1]
        one["head"] = head
        if sort == "same":
            one["source_branch"] = "main"
        if sort == "empty":
            one["base"] = base
        if len(heads) > 2:
            one["versions"] = [{"base": base, "head": each} for each in heads[1:-1]]
        self._end(one, sort, base, head)
        if sort == "fork":
            one["source_project"] = "gone/fork"
        if sort == "target-gone":
            one["target_branch"] = f"target{iid}"
            history.commit(f"target{iid}", [base], history.changed(history.trees[base]))
            self.deleted.append(f"refs/heads/target{iid}")
        if sort == "fork" and self._chance(0.5):
            # What most forks are worked on: a branch of the same name as the target's.
            one["source_branch"] = "main"
            self.deleted.append(f"refs/heads/f{iid}")
        elif sort != "same":
            one["branch"] = pick(["kept", "deleted"]) if sort == "plain" else "deleted"
        if sort in {"lost", "by-sha"}:
            self.deleted.append(f"refs/merge-requests/{iid}/head")
            self.lost += [iid] if sort == "lost" else []
        if self._chance(0.3):
            people = self._random.sample(["anna", "ben", "cleo", "dora"], 2)
            one |= {"draft": state == "opened", "reviewers": people, "approved_by": [self._someone()]}
        one["notes"] = sorted([*one.get("notes", ()), *self._talk(one, base, heads)], key=lambda n: n["at"])
        return one

    def _end(self, one: dict[str, Any], sort: str, base: str, head: str) -> None:
        """How it was closed, or taken in: by a merge commit, squashed, by fast-forward, or nobody knows."""
        ended = one["created_at"] + timedelta(days=400)
        if one["state"] == "closed":
            one["closed_at"] = ended
        if one["state"] != "merged":
            return
        one |= {"merged_by": self._someone(), "merged_at": ended}
        history, tip = self._history, self._history.main[-1]
        if sort in {"empty", "orphan"}:
            return
        tree = history.merged(tip, base, head)
        match self._random.choice(["merge", "squash", "both", "unknown"]):
            case "merge":
                one["merge_commit"] = history.commit("main", [tip, head], tree)
            case "squash":
                one |= {"squash": True, "squash_commit": history.commit("main", [tip], tree)}
            case "both":
                squashed = history.commit(f"s{one['iid']}", [base], history.trees[head])
                one |= {"squash": True, "squash_commit": squashed}
                one["merge_commit"] = history.commit("main", [tip, squashed], tree)
                self.deleted.append(f"refs/heads/s{one['iid']}")
            case _:
                history.commit("main", [tip, head], tree)

    # ── what was said about the changes ──────────────────────────────────────────────────────────

    def _talk(self, one: dict[str, Any], base: str, heads: list[str]) -> list[dict[str, Any]]:
        notes: list[dict[str, Any]] = []
        at = one["created_at"]
        for number in range(self._random.choice([0, 1, 3, 8])):
            thread = f"d{number}"
            first = self._diff_note(base, heads, has_versions="versions" in one)
            for answer in range(self._random.choice([0, 0, 1, 3]) + 1):
                at += timedelta(minutes=7)
                note = {"author": self._someone(), "body": self._say(), "at": at, "thread": thread}
                notes.append(note | (first if answer == 0 or self._chance(0.5) else {}))
            if self._chance(0.3):
                notes[-1]["internal"] = True
        return notes

    def _diff_note(self, base: str, heads: list[str], *, has_versions: bool) -> dict[str, Any]:
        """Where a thread is: on an added, removed or unchanged line, on several, on a file, a picture."""
        pick, history = self._random.choice, self._history
        version = self._random.randint(1, len(heads) - 2) if has_versions and self._chance(0.4) else 0
        old, new = history.trees[base], history.trees[heads[version] if version else heads[-1]]
        changed = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
        path = pick(changed) if changed and self._chance(0.9) else pick(sorted({*old, *new}))
        found: dict[str, Any] = {"path": path, "old_path": path, "resolved": self._chance(0.4)}
        if version:
            found["version"] = version
        moved = path.removeprefix("moved/")
        if moved != path and moved not in new and moved in old:
            found["old_path"] = moved
        lines = lines_of(old.get(found["old_path"]), new.get(path))
        if lines and self._chance(0.85):
            touched = [each for each in lines if None in each]
            where = pick(touched if touched and self._chance(0.7) else lines)
            found |= {"old_line": where[0], "line": where[1]}
            line = where[1] or where[0] or 1
            if self._chance(0.3):
                found["first_line"] = max(1, line - self._random.randint(0, 6))
            if where[1] is not None and self._chance(0.4):
                found["suggestion"] = pick(["better", "", "```\nx\n```", "two\nlines", "$&\\1 {{x}}"])
        elif self._chance(0.3):
            found["image"] = {"x": 1, "y": 2, "width": 10, "height": 20}
        if self._chance(0.15):
            found["position"] = pick(_ODD_POSITIONS)
        return found
