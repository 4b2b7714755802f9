"""The job summary says what became of every project, whatever the projects are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyromark
import pytest
from page_shape import OPTIONS, shape

from gl2gh_batch.output.plan_comment import ReviewedPlan, plan_comment
from gl2gh_batch.output.plan_view import plan_markdown
from gl2gh_batch.output.summary import LIMIT_BYTES, failure_summary, job_summary
from gl2gh_batch.output.timeline import MOST_BARS

PLAN = ReviewedPlan(name="batch.yml", digest="ab" * 32, run_id=4711, artifact="gl2gh-plan")


@pytest.mark.parametrize("page", [job_summary, plan_markdown])
def test_hostile_texts_do_not_change_the_page(
    page: Callable[[dict[str, Any]], str], friendly: dict[str, Any], hostile: dict[str, Any]
) -> None:
    """The page has the same structure with hostile texts as with friendly ones, and nothing live in it."""
    assert shape(page(hostile)) == shape(page(friendly))
    html = pyromark.html(page(hostile), options=OPTIONS)
    html = html.replace('<a href="https://github.com/acme/app">', "").replace("</a>", "")
    html = html.replace('<pre><code class="language-mermaid">', "").replace("</pre>", "")
    titles = ("Numbers of issues and merge requests", "In words")
    folds = sum(html.count(f"<details><summary>{one}</summary>") for one in titles)
    assert html.count("<details>") == html.count("</details>") == folds
    html = re.sub("</?(details|summary)>", "", html)
    assert not re.search(r"<(?!/?(?:p|h[23]|table|thead|tbody|tr|t[hd]|code|b|br|ul|li)\b)", html)
    assert not re.search(r"(?:^|\W)@\w", html, re.ASCII)
    assert "\u202e" not in html


def test_every_project_has_a_row_and_failures_come_first(friendly: dict[str, Any]) -> None:
    """Outcome, a row for each project, the error with its remedy, findings, and how to resume."""
    friendly["results"][0]["source"] = "group/good"
    text = job_summary(friendly)
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert [row for row in rows if "✅&nbsp;success" in row] == [rows[3]]
    assert "⚠️ Some projects did not succeed" in text
    assert "4 projects: 1 succeeded, 1 failed, 1 incomplete, 1 not started" in text
    assert "git&#45;failed" in text
    assert "### How to resume" in text
    assert "3,702 requests, about 45 min for one token" in text
    assert text.index("### Findings") < text.index("### How to resume")


def test_a_success_needs_no_advice(all_good: dict[str, Any]) -> None:
    """When all went well there is nothing to resume."""
    assert "How to resume" not in job_summary(all_good)
    assert "All projects succeeded" in job_summary(all_good)


def test_an_empty_batch_has_a_page() -> None:
    """No projects is nothing to do, and no empty table."""
    text = job_summary({"status": "success", "results": [], "total_projects": 0})
    assert "nothing to do" in text
    assert "|---" not in text


def test_a_thousand_projects_fit(thousand: dict[str, Any]) -> None:
    """The page stays below its limit, is cut at the end of a row, and says how much is missing."""
    text = job_summary(thousand)
    assert len(text.encode()) <= LIMIT_BYTES
    assert "How to resume" in text
    assert "```mermaid" in text
    small = job_summary(thousand, limit=50_000)
    assert len(small.encode()) <= 50_000
    rows = [line for line in small.splitlines() if line.startswith("| <code>") and " → " in line]
    assert 0 < len(rows) < 1000
    assert all(row.endswith(" |") for row in rows)
    failed, good, _ = re.split("<details>|</details>", small, maxsplit=2)
    left = [re.findall(r"and (\d+) more: see `batch-result", one) for one in (failed, good)]
    assert len(rows) + sum(int(one) for one, *_ in left) == 1000
    assert small.count("<details>") == small.count("</details>")


def test_a_run_without_a_batch_has_a_page() -> None:
    """A failure before the batch is told with its remedy, in harmless words."""
    text = failure_summary("config-invalid", "mode: <b>x</b> | `y`", "Use one.")
    assert "Nothing was migrated" in text
    assert "<b>x" not in text
    assert "What to do: Use one" in text


def test_the_timeline_is_a_diagram_that_no_name_can_break(hostile: dict[str, Any]) -> None:
    """A bar for each project that ran, labelled by number and harmless letters, with a table beside it."""
    hostile["results"][0]["source"] = "section x:done, 2024-01-01, 1d; click y\nend ```"
    text = job_summary(hostile)
    diagram = text.partition("```mermaid\n")[2].partition("```")[0].splitlines()
    bars = diagram[4:]
    assert diagram[0] == "gantt"
    assert len(bars) == 3
    moment = r"2024-01-01 00:0[01]:00"
    for number, bar in enumerate(bars, start=1):
        assert re.fullmatch(rf"    {number} [A-Za-z0-9 _-]* :(?:done|crit|active), {moment}, {moment}", bar)
    assert text.count("```") == 2
    assert "discovery" not in text.partition("### Timeline")[2].partition("###")[0], "no times are known"
    assert "plan 12 s" in text


def test_a_diagram_has_fifty_bars_at_most(thousand: dict[str, Any]) -> None:
    """Of a thousand projects the fifty that took longest are drawn."""
    thousand["results"][7]["finished_at"] = "2024-01-01T09:00:00Z"
    thousand["results"][7]["source"] = "group/slow"
    text = job_summary(thousand)
    diagram = text.partition("```mermaid\n")[2].partition("```")[0]
    assert diagram.count(" :") == MOST_BARS == 50
    assert "group slow :done" in diagram
    assert "The 50 that took longest" in text


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://e.x/a) [x](http://e.x/b", "https://e.x/a b", "", None]
)
def test_only_an_address_becomes_a_link(all_good: dict[str, Any], address: str | None) -> None:
    """The repository is linked where its address is one that Markdown takes literally, else only named."""
    assert "[<code>group/app</code>](https://github.com/acme/app)" in job_summary(all_good)
    all_good["results"][0]["target_url"] = address
    assert "](" not in job_summary(all_good)


def test_limits_losses_and_numbers_are_told(friendly: dict[str, Any]) -> None:
    """What was waited for, what is not carried over by kind, and which numbers stay."""
    text = job_summary(friendly)
    assert "| <code>group/app</code> | 3,702 | content&#95;hour 13 min | secondary 1 |" in text
    assert "held back: memory 12 s" in text
    assert "9 entries: issues 6, wiki 3. One is a whole item, or" in text
    assert "| issues | group/app | group/app | 3 of 4 projects |" in text
    assert "| wiki | group/app 0 | group/app | <code>group/app</code> |" in text
    assert "1–4 stay" in text


def test_what_was_discovered_is_a_table(all_good: dict[str, Any]) -> None:
    """Sums first, then a row a project with its sizes, counts and price, hostile names as harmless words."""
    row = {
        "path": "group/<b>app|",
        "archived": "yes",
        "last_activity": "2024-01-01",
        "repository_mb": "12.5",
        "lfs_mb": "",
        "issues": "7",
        "merge_requests": "3",
        "predicted_requests": "100",
        "predicted_hours": "0.50",
        "findings": "lfs-missing",
    }
    small = {**row, "path": "group/small", "predicted_hours": "0.10", "archived": "no"}
    text = job_summary({**all_good, "mode": "DISCOVER_ONLY"}, inventory=[small, row])
    assert "2 projects: 14 issues, 6 merge requests, 25.0 MB" in text
    assert "200 requests; one after the other, 36 min" in text
    rows = [line for line in text.splitlines() if "&nbsp;MB" in line and line.startswith("| <code>")]
    assert rows[0] == (
        "| <code>group/&#60;b&#62;app&#124;</code> (archived) | 2024&#8209;01&#8209;01 "
        "| 12&#46;5&nbsp;MB |  | 7 | 3 "
        "|  |  |  | 100 | 30&nbsp;min | lfs&#45;missing |"
    )
    assert len(rows) == 2


def test_what_succeeded_hides_nothing_that_did_not(thousand: dict[str, Any]) -> None:
    """Of many projects those that succeeded are folded away, below those that did not; few are not folded."""
    for one in thousand["results"]:
        one["source"] = one["target"] = f"group/{one['index']}"
    for one in thousand["results"][2:]:
        one["status"] = "success"
        one.pop("error", None)
    text = job_summary(thousand)
    above, _, fold = text.partition("<details><summary>999 projects that succeeded</summary>")
    assert "group/0</code>" in above
    assert "group/1</code>" not in above
    table = fold.partition("</details>")[0]
    assert table.count("\n| <code>") == 999
    few = job_summary(thousand | {"results": thousand["results"][:20]})
    assert "projects that succeeded" not in few


def test_what_projects_have_in_common_is_told_once(thousand: dict[str, Any]) -> None:
    """One finding of many projects is one row with the first of their names; prices are added up."""
    notice = {"code": "y", "severity": "notice", "message": "Look", "hint": "Think."}
    price = {"code": "merge-request-prices", "severity": "notice", "message": "one of it", "hint": ""}
    choices = {"all-as-issue": {"content": 2, "imports": 3}}
    for one in thousand["results"]:
        one["source"] = f"group/{one['index']}"
        one["findings"] = [notice, price]
        one["plan"]["kinds"]["merge_requests"] = {"items": 5, "choices": choices}
    for page in (job_summary(thousand), plan_comment(thousand, PLAN, limit=900_000)):
        assert page.count("Look") == 1
        assert "one of it" not in page
        [row] = [line for line in page.splitlines() if "Look" in line]
        assert "group/2</code>, and 997 more" in row
        assert "all&#45;as&#45;issue&#58; 2,000 content&#45;creating requests and 3,000 imports" in page
