"""What GitHub's answers say: recorded shapes of refusals, headers and links."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.limits import LimitReport
from gl2gh_batch.target.sansio import Denial, denial, next_link, read_error, read_limits, saml_url

DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
EPOCH = 1795435200  # the same moment


def body(message: str, url: str = "") -> bytes:
    """A refusal's body."""
    return json.dumps({"message": message, "documentation_url": url}).encode()


SECONDARY_TEXT = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@pytest.mark.parametrize(
    ("status", "headers", "content", "expected"),
    [
        (403, {"x-ratelimit-remaining": "0"}, body("API rate limit exceeded for user ID 1."), Denial.PRIMARY),
        (429, {"x-ratelimit-remaining": "0"}, body("too many"), Denial.PRIMARY),
        (403, {"x-ratelimit-remaining": "4000"}, body(SECONDARY_TEXT), Denial.SECONDARY),
        (403, {"x-ratelimit-remaining": "0"}, body(SECONDARY_TEXT), Denial.SECONDARY),
        (403, {}, body("You have triggered an abuse detection mechanism."), Denial.SECONDARY),
        (403, {}, body("x", "https://docs.github.com/#about-secondary-rate-limits"), Denial.SECONDARY),
        (403, {"retry-after": "60"}, b"", Denial.SECONDARY),
        (429, {}, b"<html>", Denial.SECONDARY),
        (403, {"x-ratelimit-remaining": "4000"}, body("Resource not accessible by x"), Denial.PERMISSION),
        (403, {}, body("Must have admin rights to Repository."), Denial.PERMISSION),
        (403, {"x-github-sso": "required; url=https://github.com/orgs/a/sso"}, body("x"), Denial.SAML),
        (404, {"retry-after": "60"}, body(SECONDARY_TEXT), None),
        (200, {}, body("API rate limit exceeded"), None),
        (200, {}, b'{"errors":[{"type":"RATE_LIMITED","message":"API rate limit"}]}', Denial.PRIMARY),
        (200, {"x-ratelimit-resource": "graphql"}, b'{"errors":[{"type":"RATE_LIMIT"}]}', Denial.PRIMARY),
        # What was answered before the limit came stands first.
        (
            200,
            {},
            b'{"data":{"a":"%s"},"errors":[{"type":"RATE_LIMITED","message":"x"}]}' % (b"x" * 9000),
            Denial.PRIMARY,
        ),
        (200, {}, json.dumps({"errors": [{"message": SECONDARY_TEXT}]}).encode(), Denial.SECONDARY),
        (200, {}, b'{"data":null,"errors":[{"type":"NOT_FOUND"}]}', None),
        (200, {"x-ratelimit-resource": "core"}, b'{"errors":[{"type":"RATE_LIMITED"}]}', None),
    ],
)  # fmt: skip
def test_refusals_are_told_apart(
    status: int, headers: dict[str, str], content: bytes, expected: Denial | None
) -> None:
    """Primary, secondary, lack of rights and SAML, as GitHub shows them."""
    assert denial(status, headers, content) is expected


def test_the_servers_date_is_the_clock_for_the_reset() -> None:
    """A local clock that is wrong by hours changes nothing."""
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4990.0",
        "x-ratelimit-reset": str(EPOCH + 90),
        "x-ratelimit-resource": "core",
    }
    assert read_limits(200, headers, b"") == LimitReport(limit=5000, remaining=4990, reset_in_s=90.0)
    headers["x-ratelimit-reset"] = str(EPOCH - 5)
    assert read_limits(200, headers, b"").reset_in_s == 0.0
    del headers["date"]
    assert read_limits(200, headers, b"").reset_in_s is None


def test_no_headers_say_nothing() -> None:
    """GitHub Enterprise Server without limits."""
    assert read_limits(200, {}, b"{}") == LimitReport()


def test_other_budgets_do_not_pass_for_the_primary_one() -> None:
    """Search has 30 a minute: its headers do not shrink the primary budget, its refusal waits."""
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "30",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(EPOCH + 20),
        "x-ratelimit-resource": "search",
    }
    assert read_limits(200, headers, b"") == LimitReport()
    assert read_limits(403, headers, b"") == LimitReport(refused="primary", retry_after_s=20.0)


@pytest.mark.parametrize(
    ("value", "seconds"), [("60", 60.0), ("Mon, 23 Nov 2026 12:01:40 GMT", 100.0), ("x", None)]
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Both forms that HTTP allows."""
    assert read_limits(429, {"date": DATE, "retry-after": value}, b"").retry_after_s == seconds


def test_errors_are_read_with_their_fields() -> None:
    """`errors` may hold objects or texts."""
    error = read_error(
        b'{"message":"Validation Failed","errors":'
        b'[{"resource":"Label","code":"already_exists","field":"name"},"x"]}'
    )
    assert error.has("already_exists")
    assert error.has("already_exists", field="name")
    assert not error.has("already_exists", field="title")
    assert str(error) == "Validation Failed (Label name already_exists; x)"
    assert len(str(read_error(body("x" * 9000)))) < 600


def test_the_next_page_is_found_among_the_links() -> None:
    """In any order; none on the last page."""
    following = '<https://a/x?page=3&a=b,c>; rel="next"'
    link = f'<https://a/x?page=1>; rel="prev", {following}, <https://a/x?page=9>; rel="last"'
    assert next_link({"link": link}) == "https://a/x?page=3&a=b,c"
    assert next_link({"link": '<https://a/x?page=1>; rel="first"'}) is None
    assert next_link({}) is None


def test_the_address_for_single_sign_on_is_found() -> None:
    """So that a user can be sent there."""
    assert saml_url({"x-github-sso": "required; url=https://github.com/orgs/a/sso?x=1"}).endswith("sso?x=1")
    assert saml_url({}) == ""


@given(
    st.sampled_from([200, 403, 404, 422, 429, 500]),
    st.dictionaries(
        st.sampled_from(["date", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining",
                         "x-ratelimit-reset", "x-ratelimit-resource", "x-github-sso", "link"]),
        st.text(max_size=30),
    ),
    st.one_of(st.binary(max_size=60), st.sampled_from([b'{"errors":[1,null]}', b'{"errors":1}', b"[" * 999])),
)  # fmt: skip
def test_no_answer_breaks_the_reading(status: int, headers: dict[str, str], content: bytes) -> None:
    """Whatever headers and bodies hold, they are read without an exception."""
    read_limits(status, headers, content)
    str(read_error(content))
    next_link(headers)
    saml_url(headers)
