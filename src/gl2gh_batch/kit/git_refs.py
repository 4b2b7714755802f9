"""Refs and pushes as values: what git prints, read; what GitHub refuses, known beforehand. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError

MIGRATED_PREFIXES: Final = ("refs/heads/", "refs/tags/")
# Commits that no branch and no tag leads to; GitHub shows them by their id, and no clone takes them along.
COMMITS_PREFIX: Final = "refs/gitlab/merge-requests/"
PUSHED_PREFIXES: Final = (*MIGRATED_PREFIXES, COMMITS_PREFIX)
# What GitHub makes by itself.
PULLS_PREFIX: Final = "refs/pull/"
REF_NAME_LIMIT_BYTES: Final = 255
# A pushed commit shows an address that the owner of the token keeps private.
PRIVATE_ADDRESS: Final = "GH007"
BLOB_LIMIT_BYTES: Final = 100 * 1024 * 1024

_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOOKS_LIKE_OBJECT_ID: Final = re.compile(r"[0-9a-fA-F]{40}")
# git check-ref-format(1); a backslash is what a byte outside UTF-8 was turned into.
_IMPOSSIBLE: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^\.|[/.]$")
_GITHUB_CODE: Final = re.compile(r"\bGH(\d{3})\b")
_REMEDIES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"GH001|exceeds GitHub's file size limit|[Ll]arge files detected"),
        "A file is larger than 100 MiB: move it to Git LFS or take it out of the history, then run again.",
    ),
    (
        re.compile(r"GH008|unknown Git LFS object"),
        (
            "The history names Git LFS objects that GitHub does not have: migrate `lfs_objects` too. Those"
            " that GitLab has lost have to be found and pushed there, or taken out of the history."
        ),
    ),
    (
        re.compile(r"GH007"),
        (
            "The owner of the token keeps e-mail addresses private: "
            "allow pushes that expose them in the account's e-mail settings, or use another account."
        ),
    ),
    (
        re.compile(r"GH013|push declined due to repository rule"),
        (
            "A ruleset or push protection of the organisation refuses it: "
            "let the token's owner bypass it, or resolve what it found (for a secret: revoke it first)."
        ),
    ),
    (
        re.compile(r"GH006|protected branch"),
        "The branch is protected on GitHub: lift the protection for the time of the migration.",
    ),
    (
        re.compile(
            r"refusing to allow .* to create or update workflow|without `?workflows?`? (?:scope|perm)"
        ),
        "The history holds .github/workflows: the token needs the `workflow` scope or permission.",
    ),
    (
        re.compile(r"hidden ref|funny refname"),
        "GitHub keeps this ref name for itself: leave the ref out, or rename it in GitLab.",
    ),
    (
        re.compile(r"non-fast-forward|fetch first|already exists|stale info"),
        "The target changed meanwhile: somebody else writes to it. Look at it, then make the plan again.",
    ),
    (
        re.compile(r"pack exceeds maximum allowed size|HTTP 413"),
        (
            "GitHub takes at most 2 GiB in one push, and one commit with what it merges is larger than that:"
            " push the merged branches by hand first, then run again."
        ),
    ),
    (
        re.compile(r"fsck error|fsckObjects|unpacker error"),
        "GitHub refuses a damaged or malformed object of the history: repair it (git fsck), then run again.",
    ),
    (
        re.compile(r"atomic push failed|atomic transaction failed"),
        "It was held back because another ref was refused: nothing was pushed.",
    ),
)
# Docs: "Working with push protection from the command line"; each place with a commit and a path.
_PLACE: Final = re.compile(r"- commit: ([0-9a-f]{7,64})\s*\n(?:remote:)?\s*path: ([^\n]{1,500})")
_ALLOWED_AT: Final = re.compile(r"https://\S{1,200}/unblock-secret/[A-Za-z0-9]{1,100}")
_PLACES_AT_MOST: Final = 10
_OTHER_REMEDY: Final = "Read GitHub's words, remove the cause, and run again."


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRefs:
    """What a remote holds: full ref name → object id, and the ref that its HEAD stands for."""

    refs: Mapping[str, str]
    head: str | None = None

    def pushed(self) -> dict[str, str]:
        """The branches, the tags, and what a push of ours makes beside them."""
        return {name: sha for name, sha in self.refs.items() if name.startswith(PUSHED_PREFIXES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRef:
    """A ref that GitHub would refuse, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OversizedBlob:
    """A file in the history that GitHub would refuse; `size` in bytes, `path` one place where it is."""

    sha: str
    size: int
    path: str


_PLAN_ANEW: Final = "Make the plan again with resume_from=export, or from an export that nobody changed."


class PushedState(StrEnum):
    """What a push did to a ref."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRef:
    """One ref after a push; `reason` and `hint` are there for a refused one."""

    name: str
    state: PushedState
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What a push did, ref by ref; `code` is GitHub's number of what it objects to (`GH007`), or empty."""

    refs: tuple[PushedRef, ...] = field(default=())
    code: str = ""

    @property
    def refused(self) -> tuple[PushedRef, ...]:
        """The refused ones; those refused for a cause of their own come first."""
        refused = [one for one in self.refs if one.state is PushedState.REFUSED]
        return tuple(sorted(refused, key=lambda one: "atomic" in one.reason))

    def counts(self) -> dict[str, int]:
        """How many refs ended in which state."""
        return {state.value: sum(one.state is state for one in self.refs) for state in PushedState}


def refs_digest(refs: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the refs; equal for equal refs in any order."""
    lines = "".join(f"{sha} {name}\n" for name, sha in sorted(refs.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def refused_refs(names: Iterable[str]) -> list[RefusedRef]:
    """Those of the names that GitHub would refuse, with the reason for each, in order.

    Source: GitHub's page "Dealing with special characters in branch and tag names" and the limit of
    255 bytes on "Repository limits".
    """
    found = ((name, _refusal(name)) for name in sorted(names))
    return [RefusedRef(name=name, reason=reason) for name, reason in found if reason]


def _refusal(name: str) -> str:
    prefix = next((one for one in PUSHED_PREFIXES if name.startswith(one)), None)
    if prefix is None:
        return "is neither a branch nor a tag"
    short = name.removeprefix(prefix)
    if "\\" in short:
        return "its name is not UTF-8"
    if len(name.encode("utf-8", "surrogatepass")) > REF_NAME_LIMIT_BYTES:
        return f"its name is longer than {REF_NAME_LIMIT_BYTES} bytes"
    if _LOOKS_LIKE_OBJECT_ID.fullmatch(short):
        return "its name looks like the id of a commit"
    if short.startswith("refs/"):
        return "its name begins with refs/"
    if not short or _IMPOSSIBLE.search(name):
        return "its name is not one that git allows"
    return ""


def check_refs(refs: Mapping[str, str]) -> None:
    """Raise `ConfigurationError` unless every name can be pushed and every value is an object id.

    What comes here was planned; this keeps anything else from ever becoming a refspec.
    """
    for refused in refused_refs(refs):
        raise ConfigurationError(
            f"{refused.name!r} cannot be pushed: {refused.reason}", field="refs", hint=_PLAN_ANEW
        )
    for name, sha in refs.items():
        if not _OBJECT_ID.fullmatch(sha):
            raise ConfigurationError(f"{name!r} has no object id but {sha!r}", field="refs", hint=_PLAN_ANEW)


def parse_refs(output: bytes) -> dict[str, str]:
    """Ref name → object id from lines `<id> <name>` or `<id>\\t<name>`; peeled tags are left out.

    A name that is not UTF-8 keeps its bytes as `\\xNN`: no ref name can hold a backslash otherwise.
    """
    refs: dict[str, str] = {}
    for line in output.split(b"\n"):
        sha, _, name = line.replace(b"\t", b" ", 1).partition(b" ")
        named = name.startswith(b"refs/") and not name.endswith(b"^{}")
        if named and _OBJECT_ID.fullmatch(object_id := sha.decode("latin-1")):
            refs[name.decode("utf-8", "backslashreplace")] = object_id
    return refs


def parse_symref(output: bytes) -> str | None:
    """The ref that HEAD stands for, from `git ls-remote --symref`."""
    for line in output.split(b"\n"):
        if line.startswith(b"ref: ") and line.endswith(b"\tHEAD"):
            return line[len(b"ref: ") : -len(b"\tHEAD")].decode("utf-8", "backslashreplace")
    return None


def parse_push(output: bytes, errors: str) -> PushReport:
    """What `git push --porcelain` printed, as values; `errors` is what GitHub said beside it."""
    pushed = []
    for line in output.split(b"\n"):
        flag, tab, rest = line.partition(b"\t")
        refspec, tab_after, summary = rest.partition(b"\t")
        if len(flag) != 1 or not tab or not tab_after:
            continue
        name = refspec.partition(b":")[2].decode("utf-8", "backslashreplace")
        state = _STATES.get(flag.decode("latin-1"), PushedState.REFUSED)
        if state is not PushedState.REFUSED:
            pushed.append(PushedRef(name=name, state=state))
            continue
        reason = summary.decode("utf-8", "backslashreplace")
        pushed.append(PushedRef(name=name, state=state, reason=reason, hint=remedy(reason, errors)))
    code = _GITHUB_CODE.search(errors)
    return PushReport(refs=tuple(pushed), code=code.group(0) if code else "")


_STATES: Final[dict[str, PushedState]] = {
    "*": PushedState.CREATED,
    " ": PushedState.UPDATED,
    "+": PushedState.UPDATED,
    "=": PushedState.UNCHANGED,
    "-": PushedState.REMOVED,
}


def remedy(reason: str, errors: str) -> str:
    """What to do about a refused ref: by its own reason, else by what GitHub said beside it."""
    for text in (reason, errors):
        for pattern, hint in _REMEDIES:
            if pattern.search(text):
                return f"{hint}{_objects(errors)}"
        if code := _GITHUB_CODE.search(text):
            return f"GitHub's documentation explains GH{code.group(1)}; remove the cause and run again."
    return _OTHER_REMEDY


def _objects(errors: str) -> str:
    """The objects that GitHub named beside its refusal, and where each can be let through."""
    places = list(dict.fromkeys(f"{path.strip()} in {sha}" for sha, path in _PLACE.findall(errors)))
    if not places:
        return ""
    more = len(places) - _PLACES_AT_MOST
    words = "; ".join(places[:_PLACES_AT_MOST]) + (f"; and {more} more" if more > 0 else "")
    addresses = list(dict.fromkeys(_ALLOWED_AT.findall(errors)))
    allowed = (
        f" A false alarm can be allowed at {', '.join(addresses[:_PLACES_AT_MOST])}." if addresses else ""
    )
    return f" It found: {words}.{allowed}"
