"""What headers say in numbers and dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gl2gh_batch.kit import headers


@pytest.mark.parametrize(("text", "number"), [("60", 60.0), ("1.5", 1.5), (" 7 ", 7.0), ("-1", -1.0)])
def test_numbers(text: str, number: float) -> None:
    """Whole numbers and floats are read alike."""
    assert headers.number(text) == number


@pytest.mark.parametrize("text", [None, "", "soon", "nan", "inf", "1e99", "9" * 5000, "\0"])
def test_no_numbers(text: str | None) -> None:
    """What is no number, or none that a limit could have, says nothing."""
    assert headers.number(text) is None


def test_dates() -> None:
    """A date has its zone, GMT where it names none."""
    moment = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    assert headers.date("Mon, 23 Nov 2026 20:00:00 GMT") == moment
    assert headers.date("Mon, 23 Nov 2026 21:00:00 +0100") == moment
    assert headers.date("Mon, 23 Nov 2026 20:00:00 -0000") == moment


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "Mon, 99 Foo 2026 20:00:00 GMT",
        "Mon, 01 Jan 99999999 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999",
        "Mon, 01 Jan 2020 00:00:00 +9999999999999999",
        "9" * 5000,
        "\0",
    ],
)
def test_no_dates(text: str | None) -> None:
    """What is no date says nothing, however it is wrong."""
    assert headers.date(text) is None
