"""The closed sets, names and checks that everything above relies on."""

from __future__ import annotations

import inspect

import pytest

from gl2gh_batch.domain import errors
from gl2gh_batch.domain.errors import (
    REMEDIES,
    ConfigurationError,
    FailureReason,
    Gl2ghError,
    PlanRefusedError,
)
from gl2gh_batch.domain.limits import CONTENT_COSTS, Limit, LimitClass
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode, parse_mode, parse_resume_from
from gl2gh_batch.domain.plan import Call, Completion, Finding, GitPush, Pace, Severity
from gl2gh_batch.domain.pricing import POLLS_PER_IMPORT, Tally, batch_price, bound_s
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import BatchRequest, ProjectRequest
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus, batch_status


def test_every_mode_is_a_stretch_of_the_line() -> None:
    """A mode's agents follow one another without a gap, in the order of the line."""
    line = list(AgentName)
    assert set(AGENTS_OF) == set(MigrationMode)
    for agents in AGENTS_OF.values():
        begin = line.index(agents[0])
        assert list(agents) == line[begin : begin + len(agents)]


@pytest.mark.parametrize("mode", MigrationMode)
def test_resume_from_is_an_agent_of_the_mode(mode: MigrationMode) -> None:
    """Only an agent of the mode is accepted; the error lists them."""
    for agent in AgentName:
        if agent in AGENTS_OF[mode]:
            assert parse_resume_from(agent, mode) is agent
        else:
            with pytest.raises(ConfigurationError) as caught:
                parse_resume_from(agent, mode)
            assert all(name in caught.value.hint for name in AGENTS_OF[mode])
    assert parse_resume_from(None, mode) is None
    assert parse_resume_from("", mode) is None


def test_an_unknown_mode_is_told_the_known_ones() -> None:
    """The error lists all modes."""
    with pytest.raises(ConfigurationError) as caught:
        parse_mode("plan")
    assert all(mode in caught.value.hint for mode in MigrationMode)
    assert parse_mode("FULL") is MigrationMode.FULL


def test_every_error_has_its_place() -> None:
    """Each error of ours has a reason of the closed set and an exit code, and says item and remedy."""
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Gl2ghError)]
    assert len(classes) > 15
    for one in classes:
        error = one("it broke", hint="Mend it", project="group/app", item="issues/1")
        assert isinstance(error.reason, FailureReason)
        assert error.exit_code == (2 if one is ConfigurationError else 1)
        assert str(error) == "group/app issues/1: it broke. Mend it"
        assert one("it broke").remedy == REMEDIES[error.reason], (
            "what is said of no remedy has one all the same"
        )
    assert list(REMEDIES) == list(FailureReason)
    assert all(words[0].isupper() and words.endswith(".") for words in REMEDIES.values())
    assert PlanRefusedError("none", missing=True).reason is FailureReason.PLAN_MISSING
    assert PlanRefusedError("other").reason is FailureReason.PLAN_CHANGED


@pytest.mark.parametrize("text", ["acme/app", "Acme-1/a.b_c-d", "a/.github", "a_b/c"])
def test_repository_names_are_read(text: str) -> None:
    """What GitHub would keep as it is, is read and written the same."""
    assert str(RepoRef.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "/app",
        "acme/",
        "acme/a/b",
        "acme/..",
        "acme/.",
        "-a/b",
        "acme/a b",
        "acme/é",
        "a/x.git",
        "a" * 41 + "/b",
    ],
)
def test_names_that_github_would_change_are_refused(text: str) -> None:
    """Anything else is a ValueError."""
    with pytest.raises(ValueError, match="owner/name"):
        RepoRef.parse(text)


def test_repositories_are_alike_without_regard_to_case() -> None:
    """GitHub compares names so."""
    assert RepoRef.parse("Acme/App").key == RepoRef.parse("acme/aPP").key


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], BatchStatus.SUCCESS),
        ([ProjectStatus.SUCCESS] * 2, BatchStatus.SUCCESS),
        ([ProjectStatus.FAILED] * 2, BatchStatus.FAILED),
        ([ProjectStatus.FAILED, ProjectStatus.SUCCESS], BatchStatus.PARTIAL_SUCCESS),
        ([ProjectStatus.FAILED, ProjectStatus.INCOMPLETE], BatchStatus.PARTIAL_SUCCESS),
        ([ProjectStatus.NOT_STARTED], BatchStatus.PARTIAL_SUCCESS),
    ],
)
def test_the_status_of_a_batch(statuses: list[ProjectStatus], status: BatchStatus) -> None:
    """Success when all are; failed when none succeeded and nothing can be resumed; else partial."""
    assert batch_status(statuses) is status


def test_a_batch_request_is_valid_by_construction() -> None:
    """A doubled project is refused naming both places, by whatever case it is written in."""
    both = (
        ProjectRequest(project="group/app", origin="batch.yml line 3"),
        ProjectRequest(project="Group/App", origin="batch.yml line 7"),
    )
    with pytest.raises(ConfigurationError, match=r"line 3 and batch\.yml line 7"):
        BatchRequest(projects=both)
    with pytest.raises(ConfigurationError, match="parallel_limit"):
        BatchRequest(parallel_limit=21)


def test_the_price_counts_every_request() -> None:
    """Each call counts in every class of its pace, an import with its poll, a push as git."""
    limits = {
        LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0),
        LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=3600.0),
    }
    tally = Tally()
    for number in range(600):
        tally.add(Call(id=str(number), kind="issues", method="POST", path="/x", pace=Pace.CONTENT))
    tally.add(
        Call(
            id="i",
            kind="issues",
            method="POST",
            path="/x",
            pace=Pace.IMPORT,
            completion=Completion.IMPORT_JOB,
        )
    )
    tally.add(GitPush(id="g", kind="repository", repo=RepoRef(owner="a", name="b"), mirror="m", refs={}))
    tally.read(4)
    price = tally.price(limits)
    assert (price.content, price.imports, price.git_operations) == (600, 1, 1)
    assert price.reads == 4 + round(POLLS_PER_IMPORT)
    assert price.requests == 600 + 1 + price.reads
    assert price.by_class[LimitClass.CONTENT_HOUR] == 600 * CONTENT_COSTS[LimitClass.CONTENT_HOUR]
    assert price.hours == pytest.approx(1.0)
    both = batch_price([(limits, [price, price])], parallel_limit=5)
    assert both.requests == 2 * price.requests
    assert both.hours == pytest.approx(2.0)
    apart = batch_price([(limits, [price]), (limits, [price])], parallel_limit=5)
    assert (apart.requests, apart.hours) == (both.requests, pytest.approx(1.0))


def test_where_it_is_not_known_how_imports_count_there_are_two_prices() -> None:
    """700 imports take an hour if they are created content; where that is known, it is the price."""
    limits = {LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=3600.0)}
    tally = Tally()
    for number in range(700):
        tally.add(Call(id=str(number), kind="issues", method="POST", path="/x", pace=Pace.IMPORT))
    unsure, sure = tally.price(limits), tally.price(limits, imports_are_content=True)
    assert LimitClass.CONTENT_HOUR not in unsure.by_class
    assert unsure.hours == pytest.approx(tally.chain_s() / 3600)
    assert sure.by_class[LimitClass.CONTENT_HOUR] == 700
    assert sure.hours == sure.hours_if_imports_are_content == unsure.hours_if_imports_are_content == 1.0
    for prices in ([unsure, unsure], [sure, sure], [unsure, sure]):
        both = batch_price([(limits, prices)], parallel_limit=1)
        assert both.hours_if_imports_are_content == pytest.approx(2.0)
        assert both.imports_are_content == (sure in prices)


@pytest.mark.parametrize(("units", "seconds"), [(0, 0), (1, 0), (80, 0), (81, 60), (300, 180)])
def test_a_budget_is_spent_from_a_full_window_on(units: int, seconds: float) -> None:
    """What fits into the first window costs no waiting."""
    limits = {LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0)}
    assert bound_s({LimitClass.CONTENT_MINUTE: units}, limits) == seconds


def test_findings_have_one_of_three_severities() -> None:
    """Blocking, warning, notice."""
    assert Finding(code="x", severity=Severity.BLOCKING, message="m").severity == "blocking"
    assert set(Severity) == {"blocking", "warning", "notice"}
