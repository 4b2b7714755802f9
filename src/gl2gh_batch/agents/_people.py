"""The people of one project: counted by export, looked up once for the whole batch, reported by plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.people import (
    UNRESOLVED_FINDING,
    AccountKind,
    Person,
    PersonResolved,
    PersonSeen,
    PersonStatus,
    UserMapping,
    account_kind,
    is_email,
    is_managed,
    is_username,
    login_from,
)
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.kinds import Kind
from gl2gh_batch.kit.workdir import LineWriter, read_lines
from gl2gh_batch.rewrite.named import mentioned_names
from gl2gh_batch.source.refusals import RefusedAnswerError
from gl2gh_batch.target.probe import is_member

PEOPLE: Final = "people.ndjson"
REMEDY: Final = "Run again with resume_from=export."
# Names that texts mention cost memory here and nothing else; a text of nothing but names ends at this.
MOST_UNKNOWN: Final = 10_000
_ASKED_AT_ONCE: Final = 8
_NAMED_IN_A_FINDING: Final = 10


class Census:
    """Who is named by a project's records, and how often as what; in memory, since people are few.

    `left_out` counts the mentions of names that no record has, beyond the most that are kept.
    """

    def __init__(self) -> None:
        self._seen: dict[str, PersonSeen] = {}
        self._unknown = 0
        self.left_out = 0

    def take(self, kind: Kind[Any, Any], record: Any) -> None:
        """Count the people of one record."""
        for person in kind.people(record):
            if is_username(person.username):  # no other could be mapped
                self._add(person)
        for text in kind.texts(record):
            for name in mentioned_names(text):
                self._mention(name)

    def write(self, lines: LineWriter) -> None:
        """One line for each, by username."""
        for key in sorted(self._seen):
            lines.write(codec.encode(self._seen[key]))

    def _add(self, person: Person) -> None:
        key = person.username.lower()
        known = self._seen.get(key) or PersonSeen(username=person.username)
        if known.account is AccountKind.UNKNOWN:
            known = replace(
                known,
                username=person.username,
                name=person.name,
                id=person.id,
                email=person.email if is_email(person.email) else "",
                account=account_kind(person),
            )
        self._seen[key] = _counted(known, person.role.value)

    def _mention(self, name: str) -> None:
        key = name.lower()
        known = self._seen.get(key)
        if known is None:
            if not is_username(name):
                return
            if self._unknown >= MOST_UNKNOWN:
                self.left_out += 1
                return
            self._unknown += 1
            known = PersonSeen(username=name)
        self._seen[key] = _counted(known, "mentioned")


class ProjectPeople:
    """What was found of a project's people; whom it does not name, the map answers for."""

    def __init__(self, desk: Desk, found: Iterable[PersonResolved]) -> None:
        self._users = desk.users
        self._found = {one.seen.username.lower(): one for one in found}

    def lookup(self, username: str) -> UserMapping | None:
        """Who the GitLab user is on GitHub; None when nothing is known."""
        one = self._found.get(username.strip().lower())
        if one is None:
            return self._users.lookup(username)
        match one.status:
            case PersonStatus.MAPPED | PersonStatus.NO_ACCOUNT:
                return UserMapping(
                    gitlab_username=one.seen.username, github_login=one.github_login, origin=one.origin
                )
            case PersonStatus.LOGIN_NOT_FOUND | PersonStatus.UNRESOLVED:
                return None

    def write(self, lines: LineWriter) -> None:
        """One line for each, by username."""
        for key in sorted(self._found):
            lines.write(codec.encode(self._found[key]))


async def resolve_people(desk: Desk) -> ProjectPeople:
    """Look up whom the export counted; each question is asked once for all projects of the batch."""
    path = desk.folder.snapshot / PEOPLE
    seen = list(_read(path, PersonSeen)) if path.is_file() else []
    known = await _with_members(desk, seen)
    room = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def one(person: PersonSeen) -> PersonResolved:
        async with room:
            return await _resolve(desk, person)

    return ProjectPeople(desk, await asyncio.gather(*map(one, known)))


def read_resolved(folder: Path) -> Iterator[PersonResolved]:
    """What a transform wrote of the people of its project; nothing without one."""
    path = folder / PEOPLE
    return _read(path, PersonResolved) if path.is_file() else iter(())


def people_findings(desk: Desk) -> Iterator[Finding]:
    """What a reader of the plan should know of the project's people."""
    unresolved = [
        one
        for one in read_resolved(desk.folder.desired)
        if one.status in {PersonStatus.UNRESOLVED, PersonStatus.LOGIN_NOT_FOUND}
        and one.seen.account is AccountKind.PERSON
    ]
    if not unresolved:
        return
    unresolved.sort(key=lambda one: (-_weight(one.seen), one.seen.username))
    names = ", ".join(one.seen.username for one in unresolved[:_NAMED_IN_A_FINDING])
    more = len(unresolved) - _NAMED_IN_A_FINDING
    times = ", ".join(
        f"{sum(getattr(one.seen, role) for one in unresolved)} times as {role}"
        for role in ("author", "assignee")
    )
    mentioned = sum(one.seen.mentioned for one in unresolved)
    yield Finding(
        code=UNRESOLVED_FINDING,
        severity=Severity.NOTICE,
        message=(
            f"{len(unresolved)} of the people named here have no login on GitHub ({times}, mentioned"
            f" {mentioned} times): {names}{f' and {more} more' if more > 0 else ''}"
        ),
        hint="Fill in report/users.csv of the work directory and give it back as `users`, then plan again;"
        " without it their names stand in the text, and nobody is mentioned or assigned.",
    )


async def _with_members(desk: Desk, seen: list[PersonSeen]) -> list[PersonSeen]:
    """Those whom texts mention are people when they are members: only then may a pattern name them."""
    unknown = {one.username.lower() for one in seen if one.account is AccountKind.UNKNOWN}
    if not unknown or not desk.users.patterns:
        return seen
    members: dict[str, Person] = {}
    try:
        async for member in desk.gitlab.members(desk.reference.project.id):
            if member.username.lower() in unknown:
                members[member.username.lower()] = Person(
                    username=member.username, name=member.name, id=member.id
                )
    except RefusedAnswerError:
        desk.notice("notice", "GitLab does not tell who is a member: no pattern is used for mentions")
    return [
        one
        if (member_ := members.get(one.username.lower())) is None
        else replace(one, name=member_.name, id=member_.id, account=account_kind(member_))
        for one in seen
    ]


async def _resolve(desk: Desk, seen: PersonSeen) -> PersonResolved:
    given = desk.users.lookup(seen.username) or await _by_email(desk, seen)
    if given is not None and given.github_login is None:
        return PersonResolved(seen=seen, status=PersonStatus.NO_ACCOUNT, origin=given.origin)
    if given is not None:
        wanted = str(given.github_login)
        login = await _account(desk, wanted)
        if login is None:
            await _say_once(desk, wanted)
            return PersonResolved(
                seen=seen,
                status=PersonStatus.LOGIN_NOT_FOUND,
                origin=given.origin,
                note=wanted,
            )
        return PersonResolved(seen=seen, status=PersonStatus.MAPPED, github_login=login, origin=given.origin)
    if seen.account is not AccountKind.PERSON:
        return PersonResolved(seen=seen, status=PersonStatus.UNRESOLVED)
    tried = []
    for pattern in desk.users.patterns:
        made = login_from(pattern, seen.username)
        found = None if made is None else await _by_pattern(desk, pattern, made)
        if found is not None:
            return PersonResolved(seen=seen, status=PersonStatus.MAPPED, github_login=found, origin="pattern")
        tried.append(made or pattern)
    note = f"tried {', '.join(tried)}" if tried else ""
    return PersonResolved(seen=seen, status=PersonStatus.UNRESOLVED, note=note)


async def _by_email(desk: Desk, seen: PersonSeen) -> UserMapping | None:
    """The map's entry for the e-mail address that GitLab tells of the user; one request to GitLab."""
    if not desk.users.knows_emails or seen.id is None or seen.account is not AccountKind.PERSON:
        return None
    if seen.email and (told := desk.users.lookup_email(seen.email)) is not None:
        return told
    for email in await emails_of(desk, seen.id):
        found = desk.users.lookup_email(email)
        if found is not None:
            return found
    return None


async def emails_of(desk: Desk, number: int) -> tuple[str, ...]:
    """The addresses that GitLab tells of a user; asked once for the whole batch."""

    async def ask() -> tuple[str, ...]:
        user = await desk.gitlab.user_by_id(number)
        return () if user is None else tuple(one for one in (user.email, user.public_email) if one)

    return await desk.users.questions.once(("email", desk.gitlab_url, number), ask)


async def _by_pattern(desk: Desk, pattern: str, login: str) -> str | None:
    """A login that one enterprise alone can have counts when it exists; any other only for a member."""
    if is_managed(pattern):
        return await _account(desk, login)
    return login if await asks_member(desk, login) else None


async def asks_member(desk: Desk, login: str) -> bool:
    """Whether somebody is a member of the target's owner; asked once for the whole batch."""

    async def ask() -> bool:
        return await is_member(desk.github, desk.repo.owner, login)

    key = ("member", desk.github.api_url, desk.repo.owner.lower(), login.lower())
    return await desk.users.questions.once(key, ask)


async def _account(desk: Desk, login: str) -> str | None:
    """The login as GitHub writes it; None when there is no such user."""

    async def ask() -> str | None:
        account = await desk.github.account(login)
        return None if account is None or account.type == "Organization" else account.login

    return await desk.users.questions.once(("login", desk.github.api_url, login.lower()), ask)


async def _say_once(desk: Desk, login: str) -> None:
    """Tell of a wrong login of the map, once for the whole batch."""

    async def say() -> None:
        desk.notice(
            "warning",
            f"the users' map names {login}, and GitHub has no user of that name",
            "Correct the login; until then nobody is mentioned or assigned for it.",
        )

    await desk.users.questions.once(("said", desk.github.api_url, login.lower()), say)


def _counted(seen: PersonSeen, role: str) -> PersonSeen:
    return replace(seen, **{role: getattr(seen, role) + 1})


def _weight(seen: PersonSeen) -> int:
    return seen.author + seen.assignee + seen.mentioned


def _read(path: Path, type_: type[Any]) -> Iterator[Any]:
    for line in read_lines(path):
        try:
            yield codec.decode(line, type_)
        except codec.DecodeError as error:
            raise WorkDirectoryError(f"{path.name} is damaged: {error}", hint=REMEDY) from error
