"""What GitLab's answers say: recorded headers, links and messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.limits import LimitReport
from gl2gh_batch.source.sansio import is_keyset, next_params, read_limits, read_message, total


def recorded_headers(path: Path) -> dict[str, str]:
    """The headers of a recording, in lower case."""
    head = path.read_text().split("\n\n", maxsplit=1)[0]
    pairs = (line.split(": ", maxsplit=1) for line in head.splitlines() if ": " in line)
    return {name.lower(): value for name, value in pairs}


def test_the_headers_of_a_real_answer_are_read(shared_data: Path) -> None:
    """Limit and remainder of gitlab.com; its reset counts from the server's date."""
    folder = shared_data / "gitlab-recordings/archbuild"
    [path] = [one for one in folder.iterdir() if "issues%3F" in one.name]
    headers = recorded_headers(path)
    assert read_limits(200, headers, b"") == LimitReport(limit=2000, remaining=1996)
    headers["date"] = "Thu, 30 Nov 2023 08:23:54 GMT"
    assert read_limits(200, headers, b"").reset_in_s == 60.0
    assert total(headers) == 1
    assert next_params(headers) is None


def test_a_refusal_is_429_with_whatever_it_tells() -> None:
    """`Retry-After` when it is there; nothing but the status when it is not."""
    assert read_limits(429, {"retry-after": "12"}, b"Retry later") == LimitReport(
        refused="secondary", retry_after_s=12.0
    )
    assert read_limits(429, {}, b"") == LimitReport(refused="secondary")
    assert read_limits(403, {}, b"").refused is None


def test_other_throttles_do_not_pass_for_the_one_of_the_api() -> None:
    """The budget of another throttle must not narrow ours; its refusal waits for its reset."""
    headers = {
        "date": "Thu, 30 Nov 2023 08:23:54 GMT",
        "ratelimit-name": "throttle_authenticated_git_http",
        "ratelimit-limit": "10",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "1701332644",
    }
    assert read_limits(200, headers, b"") == LimitReport()
    assert read_limits(429, headers, b"") == LimitReport(refused="secondary", retry_after_s=10.0)


def test_the_next_page_is_told_by_number_or_by_position() -> None:
    """Only the query is taken: the host in a link may be another."""
    following = '<https://other.example/api/v4/x?page=2&order_by=id&labels=>; rel="next"'
    link = f'{following}, <https://x/?page=9>; rel="last"'
    params = next_params({"link": link})
    assert params == {"page": "2", "order_by": "id", "labels": ""}
    assert not is_keyset(params)
    assert is_keyset(next_params({"link": '<https://x/?cursor=eyJ&per_page=100>; rel="next"'}) or {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"404 Project Not Found"}', "404 Project Not Found"),
        (b'{"error":"insufficient_scope","error_description":"needs api"}', "needs api"),
        (b'{"message":{"name":["is too long"]}}', '{"name": ["is too long"]}'),
        (b"<html>", ""),
        (b"[]", ""),
    ],
)
def test_messages_have_several_shapes(body: bytes, message: str) -> None:
    """Text, OAuth's pair, and a map of fields."""
    assert read_message(body) == message


@given(
    st.sampled_from([200, 403, 429]),
    st.dictionaries(
        st.sampled_from(["date", "retry-after", "ratelimit-limit", "ratelimit-remaining",
                         "ratelimit-reset", "ratelimit-name", "link", "x-total"]),
        st.text(max_size=30),
    ),
    st.one_of(st.binary(max_size=60), st.just(b"[" * 99999)),
)  # fmt: skip
def test_no_answer_breaks_the_reading(status: int, headers: dict[str, str], content: bytes) -> None:
    """Whatever headers and bodies hold, they are read without an exception."""
    read_limits(status, headers, content)
    next_params(headers)
    total(headers)
    read_message(content)
