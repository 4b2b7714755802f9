"""Counters of the service as Prometheus reads them (text format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


class Requests:
    """The requests that were answered, by operation and status."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[str] = Counter()

    def count(self, method: str, operation: str, status: int, seconds: float) -> None:
        """One answer."""
        self.answered[method, operation, status] += 1
        self.seconds[operation] += seconds  # type: ignore[assignment] # because a Counter holds floats as well


def render(
    *,
    requests: Requests,
    batches: Mapping[str, int],
    projects: Mapping[str, int],
    queued: int,
    streams: int,
    credentials: Iterable[Mapping[str, Any]],
) -> str:
    """The whole page."""
    credentials = list(credentials)
    return "".join(
        (
            _family(
                "gl2gh_http_requests_total",
                "counter",
                "Requests answered.",
                (
                    ({"method": method, "operation": operation, "code": str(status)}, count)
                    for (method, operation, status), count in sorted(requests.answered.items())
                ),
            ),
            _family(
                "gl2gh_http_request_seconds_total",
                "counter",
                "Time spent on answers, event streams left out.",
                (({"operation": name}, round(value, 6)) for name, value in sorted(requests.seconds.items())),
            ),
            _family(
                "gl2gh_batches",
                "gauge",
                "Batches by status.",
                (({"status": status}, count) for status, count in sorted(batches.items())),
            ),
            _family(
                "gl2gh_projects",
                "gauge",
                "Projects of batches that have not ended, by state.",
                (({"state": state}, count) for state, count in sorted(projects.items())),
            ),
            _family("gl2gh_batches_queued", "gauge", "Batches that wait for their turn.", [({}, queued)]),
            _family("gl2gh_event_streams", "gauge", "Clients on event streams.", [({}, streams)]),
            _family(
                "gl2gh_budget_requests_total",
                "counter",
                "Requests granted to a credential.",
                (({"credential": one["credential"]}, one["requests"]) for one in credentials),
            ),
            _family(
                "gl2gh_budget_waiting",
                "gauge",
                "Requests of a credential that wait for a budget.",
                (({"credential": one["credential"]}, one["waiting"]) for one in credentials),
            ),
            _family(
                "gl2gh_budget_closed_seconds",
                "gauge",
                "For how long a credential may send nothing.",
                (({"credential": one["credential"]}, one["closed_s"]) for one in credentials),
            ),
            _family("gl2gh_budget_limit", "gauge", "Units of a budget.", _budgets(credentials, "limit")),
            _family(
                "gl2gh_budget_left",
                "gauge",
                "Units of a budget that are left.",
                _budgets(credentials, "left"),
            ),
        )
    )


def _budgets(credentials: list[Mapping[str, Any]], what: str) -> Iterable[Sample]:
    for one in credentials:
        for budget in one["budgets"]:
            value = budget["limit"] - budget["used"] if what == "left" else budget[what]
            yield {"credential": one["credential"], "class": budget["limit_class"]}, value


def _family(name: str, kind: str, words: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {words}\n", f"# TYPE {name} {kind}\n"]
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
