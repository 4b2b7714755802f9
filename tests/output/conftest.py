"""Results as the batch makes them, with friendly and with hostile texts."""

from __future__ import annotations

from typing import Any

import pytest

HOSTILE = (
    "::error::x\n::stop-commands::y ##[error]z | `a` ``b`` <b>bold</b></details></table><script>1</script> "
    "![i](http://e.x/i.png) [l](javascript:a) http://evil.example www.evil.example @victim #12 GH-1 o/r#3 "
    "\u202egnp.exe \x1b[31mred\x1b[0m \x07 &lt;i&gt; --- | | |\r\n\r\n# head\n\n"
    "- item *b* _e_ ~~s~~ \\ $x$ :smile:"
)


def project(index: int, text: str, status: str) -> dict[str, Any]:
    """One project's result, with `text` wherever GitLab or a user has a word."""
    found: dict[str, Any] = {
        "project_id": index,
        "index": index,
        "status": status,
        "source": text,
        "target": text,
        "target_url": "https://github.com/acme/app",
        "started_at": "2024-01-01T00:00:00Z",
        "finished_at": "2024-01-01T00:01:00.123Z",
        "agents": {
            "discovery": {"status": "done", "summary": text, "counts": {"issues": 1}, "details": {}},
            "plan": {
                "status": "done",
                "started_at": "2024-01-01T00:00:10Z",
                "finished_at": "2024-01-01T00:00:22.5Z",
            },
        },
        "findings": [
            {"code": "x", "severity": "warning", "message": text, "hint": text, "item": text},
        ],
        "losses": 3,
        "plan": {
            "digest": "ab",
            "steps": 12,
            "price": {"requests": 1234, "hours": 0.5, "by_class": {"primary": 1234}},
            "kinds": {"issues": {"items": 10, "steps": 11, "no_ops": 0, "losses": 3}},
            "losses_by_kind": {"issues": 2, "wiki": 1},
            "losses_shown": [
                {"kind": "issues", "item": text, "what": text, "reason": text},
                {"kind": "wiki", "item": f"wiki/{index}", "what": f"{text} {index}", "reason": text},
            ],
            "numbers": [{"sort": "issues", "first": 1, "number": 1, "count": 4}],
            "number_ranges": 1,
        },
    }
    if status == "failed":
        found["error"] = {
            "reason": "git-failed",
            "message": text,
            "hint": text,
            "item": text,
            "retryable": True,
        }
    if status == "not_started":
        found |= {"started_at": None, "finished_at": None, "agents": {}}
        del found["plan"]
    return found


def batch(statuses: list[str], text: str = "group/app") -> dict[str, Any]:
    """A batch's result with a project for each status."""
    good = all(one == "success" for one in statuses)
    return {
        "schema": "gl2gh-batch/batch-result",
        "version": 1,
        "batch_id": "0b6cf6f0-6b6c-4a63-9a4c-3a0d1c1f1f11",
        "status": "success" if good else "partial_success",
        "mode": "FULL",
        "started_at": "2024-01-01T00:00:00Z",
        "finished_at": "2024-01-01T00:01:00Z",
        "total_projects": len(statuses),
        "successful": statuses.count("success"),
        "failed": statuses.count("failed"),
        "incomplete": statuses.count("incomplete"),
        "not_started": statuses.count("not_started"),
        "parallel_limit": 5,
        "stopped_by": None,
        "tool_version": "0.1.0",
        "work_dir": "gl2gh-work",
        "price": {"requests": 3702, "hours": 0.75},
        "parallelism": {"limit": 5, "highest": 4, "held_back_s": {"memory": 12.0}},
        "budgets": [
            {
                "credential": text,
                "requests": 3702,
                "units": {"primary": 3702},
                "waited_s": {"content_hour": 754.2, "primary": 0.0},
                "refusals": {"secondary": 1},
                "imports_are_content": False,
                "margin_s": 0.0,
            }
        ],
        "results": [project(index, text, status) for index, status in enumerate(statuses)],
    }


@pytest.fixture
def friendly() -> dict[str, Any]:
    return batch(["success", "failed", "incomplete", "not_started"])


@pytest.fixture
def hostile() -> dict[str, Any]:
    return batch(["success", "failed", "incomplete", "not_started"], HOSTILE)


@pytest.fixture
def thousand() -> dict[str, Any]:
    return batch(["failed", "success"] * 500, "group/" + "ünïcode | `x` " * 40)


@pytest.fixture
def all_good() -> dict[str, Any]:
    return batch(["success"])


@pytest.fixture
def many_failures() -> dict[str, Any]:
    return batch(["failed"] * 30)
