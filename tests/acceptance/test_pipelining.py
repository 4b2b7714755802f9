"""While one project waits for its import jobs, others read, shape and plan: within the projects at once."""

from __future__ import annotations

from typing import Any

from lab import issue, note, project

from gl2gh_batch.domain.events import AgentFinished, AgentStarted, Event


async def test_reading_goes_on_while_imports_are_waited_for(open_lab: Any) -> None:
    """Two at once: the second is read between the first one's imports, and no third has begun."""
    few = project("acme/few", 1, issues=[issue(one) for one in range(1, 25)], repository=None)
    many = project(
        "acme/many", 2, issues=[issue(one, notes=[note("x")]) for one in range(1, 31)], repository=None
    )
    third = project("acme/third", 3, repository=None)
    lab = await open_lab(few, many, third, settings={"import_job_s": (0.2, 0.3)})
    slow = {"side": "gitlab", "path": "*/projects/2/issues/*", "effect": {"delay_s": 2.0}}
    await lab.control("PUT", "faults", [slow])
    order: list[tuple[str, str, int]] = []

    def listen(event: Event) -> None:
        if isinstance(event, AgentStarted | AgentFinished):
            order.append((event.project, f"{type(event).__name__} {event.agent}", lab.mark()))

    configs = [lab.config(number, priority=-number) for number in (1, 2, 3)]
    result = await lab.batch("FULL", configs, listen=listen, parallel_limit=2)
    assert result["status"] == "success"
    assert result["parallelism"]["highest"] == 2
    journal = list(lab.sandbox.journal)
    imports = [place for place, one in enumerate(journal) if one.path.endswith("/acme/few/import/issues")]
    between = journal[imports[0] : imports[-1]]
    assert [one for one in between if one.side == "gitlab" and "/projects/2/" in one.path]
    when = {(name, what): mark for name, what, mark in order}
    ended = min(when["acme/few", "AgentFinished verify"], when["acme/many", "AgentFinished verify"])
    assert when["acme/third", "AgentStarted discovery"] >= ended
