"""The plan: every write as data, what it costs, what is lost, what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gl2gh_batch.domain.limits import LimitClass
from gl2gh_batch.domain.numbering import NumberRange
from gl2gh_batch.domain.refs import ProjectRef, RepoRef

# The step that brings the target repository into being: its receipt says whose the repository is.
# What makes the repository of the snippets, where they have one of their own.
SNIPPETS_CREATE_STEP: Final = "repository/snippets-repository"
CREATE_STEP: Final = "repository/create"


class Phase(StrEnum):
    """When a step is due: while the target is filled, or after verify found no difference."""

    FILL = "fill"
    CLOSE = "close"


class Completion(StrEnum):
    """When a call is done: with its answer, or when the import job that it started ends."""

    ANSWER = "answer"
    IMPORT_JOB = "import-job"


class Pace(StrEnum):
    """Which budgets a call draws on."""

    READ = "read"
    WRITE = "write"
    CONTENT = "content"
    IMPORT = "import"


class Capability(StrEnum):
    """What not every target has: older GitHub Enterprise Servers lack it."""

    SUB_ISSUES = "sub-issues"
    DEPENDENCIES = "issue-dependencies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How to find out whether a write without a clear answer took effect.

    `path` is read; a list is searched for the entry whose `field` equals `value` (without regard to
    case; a truth value is written `true` or `false`), an object counts when its `field` does. With
    `contains`, the field has to hold the value; with `absent`, the write took effect when there is
    nothing at `path` any more.
    """

    path: str
    field: str
    value: str
    contains: bool = False
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What a call holds many of, when GitHub takes all or none and does not say which one it refuses (422).

    The refused ones are found by halving the list `name` of the body. Each becomes a request of its own to
    `path` with its `body` alone, below the text of `heads`; `markers` find it again by `lookup_path`.
    """

    name: str
    path: str
    lookup_path: str
    heads: tuple[str, ...]
    markers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to GitHub's API.

    `body` may hold the exact shape `{"$ref": step id, "field": name}` where a value is known only
    after another step. `keep` names the fields of the answer that the receipt keeps. An `optional`
    step may be refused for lack of rights: that is a notice and not a failure. A call without
    `lookup` is one that can be repeated without harm (PUT, PATCH, DELETE). When GitHub already has the
    thing, it is brought to the same `body` by a PATCH of `adopt_path`, unless that is empty; where that
    is to be expected (`adopts`), the price counts it. When a target answers 404 to a call that needs a
    `capability`, it lacks that, and the plan is made again without.

    A call of `any_number` takes the number that GitHub gives it, and has `number` in its `keep`. A path that
    has to name such a number holds the step in braces: `/repos/acme/app/issues/{issues/12}/lock`. Import
    jobs of `any_number` run side by side.

    A `dispensable` call may be refused as invalid (422): steps that are due `after` it are then passed over,
    those that are there `instead_of` it performed. The `spare` fields are left out when GitHub refuses the
    call with them. A `repeatable` one may be sent twice without harm although it is a POST. An `early` one
    does no harm to a repository that holds nothing, whoever fills it: the claim comes with the first push.
    """

    id: str
    kind: str
    phase: Phase = Phase.FILL
    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    pace: Pace = Pace.WRITE
    completion: Completion = Completion.ANSWER
    lookup: Lookup | None = None
    adopt_path: str = ""
    adopts: bool = False
    expect_number: int | None = None
    any_number: bool = False
    keep: tuple[str, ...] = ()
    optional: bool = False
    after: str = ""
    instead_of: str = ""
    dispensable: bool = False
    spare: tuple[str, ...] = ()
    repeatable: bool = False
    early: bool = False
    entries: Entries | None = None
    capability: Capability | None = None

    @property
    def runs_beside(self) -> bool:
        """True for a job that nothing waits for before the next is begun."""
        return self.any_number and self.completion is Completion.IMPORT_JOB and not self.instead_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPush:
    """One push of refs from the project's mirror to the target; `refs` maps names to their SHA.

    `expect` is what the target may hold beforehand (name → SHA): anything else stops the push. The refs of
    `remove` are taken away as long as they are what they were (name → SHA). Those of `spare` (name → SHA,
    and the id of a step) go along where that step was refused.
    """

    id: str
    kind: str
    phase: Phase = Phase.FILL
    repo: RepoRef
    mirror: str
    refs: Mapping[str, str]
    expect: Mapping[str, str] = field(default_factory=dict)
    remove: Mapping[str, str] = field(default_factory=dict)
    spare: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LfsPush:
    """The Git LFS objects (oid → bytes) that the target needs before it takes the refs of the mirror."""

    id: str
    kind: str
    phase: Phase = Phase.FILL
    repo: RepoRef
    mirror: str
    objects: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiPush:
    """The wiki's `commit`, pushed from the project's mirror into GitHub's own wiki of the repository."""

    id: str
    kind: str
    phase: Phase = Phase.CLOSE
    repo: RepoRef
    mirror: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file sent to a release of the target; `file` is relative to the project's folder.

    `release` is the step whose receipt holds the release's `id`; `name` is one that GitHub keeps as it is,
    `label` what is shown instead of it.
    """

    id: str
    kind: str
    phase: Phase = Phase.FILL
    repo: RepoRef
    release: str
    file: str
    name: str
    sha256: str
    size: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOp:
    """Nothing to do for an item, said with its reason."""

    id: str
    kind: str
    reason: str


Step = Call | GitPush | LfsPush | WikiPush | Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """What plan found out about the target and what steps and verify both have to know.

    `state` is `absent`, `empty`, `ours` or `foreign`; `present` holds the identities that need no
    step; `unassignable` the logins that the target would refuse as assignees; `viewer` whose token it is,
    where somebody is to be asked for a review: GitHub asks nobody for one of their own;
    `issue_types` what the organisation has of them, if any issue asks for one.
    """

    state: str = "absent"
    owner_is_organisation: bool = True
    repository_id: int | None = None
    present: frozenset[str] = frozenset()
    unassignable: frozenset[str] = frozenset()
    issues_via: str = "import"
    viewer: str = ""
    capabilities: frozenset[Capability] = frozenset(Capability)
    issue_types: tuple[str, ...] = ()


def entry_step(step: str, place: int) -> str:
    """The id of the request that one refused entry of a step became, by its place in the list."""
    return f"{step}#{place}"


def part_step(step: str, start: int, stop: int) -> str:
    """The id of the request with some of the entries of a step that was refused as a whole."""
    return f"{step}:{start}-{stop}"


def whole_step(step: str) -> str:
    """The id of the step that an entry's request was made of; that of any other step as it is."""
    return step.partition("#")[0]


class Severity(StrEnum):
    """What a finding means: it blocks the apply, or it is worth knowing."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a project that a person should know, with what to do about it."""

    code: str
    severity: Severity
    message: str
    hint: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something of the source that will not be carried over; `item` is its source identity."""

    kind: str
    item: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What applying and verifying costs; `by_class` in units of each budget.

    Whether GitHub counts imports as created content is not published: `hours` goes by what this credential
    has been shown, and `hours_if_imports_are_content` says how long it takes if they are.
    """

    requests: int = 0
    reads: int = 0
    writes: int = 0
    content: int = 0
    imports: int = 0
    git_operations: int = 0
    by_class: Mapping[LimitClass, int] = field(default_factory=dict)
    hours: float = 0.0
    imports_are_content: bool = False
    hours_if_imports_are_content: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a kind costs under one choice of a policy: content-creating requests, and imports."""

    content: int = 0
    imports: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPlan:
    """The plan's totals for one kind."""

    items: int = 0
    steps: int = 0
    no_ops: int = 0
    losses: int = 0
    choices: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The head of a plan; its steps are in `plan.ndjson` beside it, one a line.

    `numbers` holds the first of the `number_ranges` of the project's map, `numbers.ndjson` beside it all of
    them. `digest` covers the head and the steps; `inputs` holds the digest of every file that it was made
    from, `observed` the digest of what the target held.
    """

    project: ProjectRef
    repo: RepoRef
    lineage: str
    serial: int
    made_at: str
    tool_version: str
    inputs: Mapping[str, str]
    observed: str
    steps_sha256: str
    steps: int
    kinds: Mapping[str, KindPlan]
    price: Price
    findings: tuple[Finding, ...] = ()
    losses: int = 0
    losses_by_kind: Mapping[str, int] = field(default_factory=dict)
    facts: TargetFacts = field(default_factory=TargetFacts)
    numbers: tuple[NumberRange, ...] = ()
    number_ranges: int = 0
    digest: str = ""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that must be solved before anything is written."""
        return tuple(one for one in self.findings if one.severity is Severity.BLOCKING)
