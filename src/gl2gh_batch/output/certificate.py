"""A certificate as a Markdown page for people; pure, from the plain data of `certificate.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gl2gh_batch.output.escape import cell, code

TITLES: Final[Mapping[str, str]] = {
    "complete": "✅ Complete: everything planned is on GitHub",
    "not-closed": "⏸️ Not complete: no difference was found, but the repository is not opened yet",
    "different": "❌ Not complete: GitHub does not hold what was planned",
    "not-verified": "⏹️ Not complete: the present plan was not verified to its end",
}
_DIFFERENCES_SHOWN: Final = 50


def certificate_page(certificate: Mapping[str, Any]) -> str:
    """The page for one certificate."""
    return "\n".join([*_head(certificate), *_kinds(certificate), *_rest(certificate), ""])


def _head(certificate: Mapping[str, Any]) -> Iterator[str]:
    verdict = str(certificate.get("verdict", ""))
    yield f"# {TITLES.get(verdict, cell(verdict))}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    rows = (
        ("Source", f"{certificate.get('source', '')} ({certificate.get('gitlab_url', '')})"),
        ("Source's id", certificate.get("source_id", "")),
        ("Target", f"{certificate.get('target', '')} ({certificate.get('github_url', '')})"),
        ("Repository's id", certificate.get("repository_id") or "not known"),
        ("Verified at", certificate.get("verified_at") or "never"),
        ("Issued at", certificate.get("issued_at", "")),
        ("gl2gh-batch", certificate.get("tool_version", "")),
        ("Plan", f"{certificate.get('plan_digest', '')} (serial {certificate.get('plan_serial', '')})"),
        ("Lineage", certificate.get("plan_lineage", "")),
        ("This certificate", certificate.get("digest", "")),
    )
    for name, value in rows:
        yield f"| {name} | {code(value)} |"


def _kinds(certificate: Mapping[str, Any]) -> Iterator[str]:
    kinds: Mapping[str, Any] = certificate.get("kinds") or {}
    expected: Mapping[str, str] = certificate.get("expected") or {}
    if not kinds:
        return
    yield from ("", "## Expected and found", "")
    yield "| Kind | Expected | Found | Differences | Digest of the expected | Digest of the found |"
    yield "|---|--:|--:|--:|---|---|"
    for name, one in kinds.items():
        digests = (expected.get(name, ""), one.get("seen_sha256", ""))
        shown = " | ".join(code(each[:16]) if each else "" for each in digests)
        counts = " | ".join(cell(one.get(key, "")) for key in ("expected", "seen", "differences"))
        yield f"| {cell(name)} | {counts} | {shown} |"


def _rest(certificate: Mapping[str, Any]) -> Iterator[str]:
    total = int(certificate.get("total_differences", 0))
    if total:
        yield from (
            "",
            "## Differences",
            "",
            "| Item | Sort | Field | Expected | Found |",
            "|---|---|---|---|---|",
        )
        shown = list(certificate.get("differences") or ())[:_DIFFERENCES_SHOWN]
        for one in shown:
            words = [cell(one.get(key, ""), 200) for key in ("sort", "field", "expected", "seen")]
            yield f"| {code(one.get('item', ''))} | {' | '.join(words)} |"
        if total > len(shown):
            yield f"\n… and {total - len(shown)} more: see `verify.ndjson` in the project's folder."
    refused: Mapping[str, str] = certificate.get("refused") or {}
    if refused:
        yield from ("", "## Refused by GitHub", "", "| Step | What GitHub said |", "|---|---|")
        for step, message in refused.items():
            yield f"| {code(step)} | {cell(message, 200)} |"
    losses: Mapping[str, int] = certificate.get("losses") or {}
    yield from ("", "## Losses accepted in the plan", "")
    if not losses:
        yield "None."
        return
    yield from ("| Kind | Items |", "|---|--:|")
    for name, count in losses.items():
        yield f"| {cell(name)} | {count} |"
    yield ""
    yield "Each is named in `report/losses.csv`."
