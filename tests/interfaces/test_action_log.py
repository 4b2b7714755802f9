"""The runner's log: groups are commands of ours, and everything else is words."""

from __future__ import annotations

import asyncio
import io
import re

from runner import Log

from gl2gh_batch.interfaces.action_log import ActionLog


def test_groups_are_commands_and_their_lines_are_not() -> None:
    """The runner sees head and foot of each group; a command in a line stays a line; no token comes twice."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        log.line("::error::one")
        log.group("g/a - export done (3 s)", ["::error::two", "::endgroup::", "##[group]x"])
        log.line("::warning::three")
    stream.write("::notice::ours\n")
    read = Log()
    read.read(stream.getvalue())
    assert [(one.name, one.data) for one in read.commands] == [
        ("group", "g/a - export done (3 s)"),
        ("endgroup", ""),
        ("notice", "ours"),
    ]
    assert {"::error::one", "::error::two", "::warning::three", "##[group]x"} <= set(read.shown)
    tokens = re.findall(r"::stop-commands::(\w+)", stream.getvalue())
    assert len(tokens) == len(set(tokens)) == 3


def test_a_token_that_was_seen_wakes_nothing() -> None:
    """Who repeats the token of an earlier stop, which the log shows, gets no command through."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        [first] = re.findall(r"::stop-commands::(\w+)", stream.getvalue())
        log.group("a", [])
        log.line(f"::{first}::")
        log.line("::error::x")
    read = Log()
    read.read(stream.getvalue())
    assert [one.name for one in read.commands] == ["group", "endgroup"]


def test_secrets_are_no_part_of_a_title_or_a_line() -> None:
    """Everything is redacted that leaves through the log."""
    stream = io.StringIO()
    with ActionLog(stream, lambda text: text.replace("secret", "***")) as log:
        log.line("| secret")
        log.group("secret", ["| secret"])
    assert "secret" not in stream.getvalue()
    assert stream.getvalue().count("***") == 3


async def test_it_beats_in_silence() -> None:
    """While nothing happens there are lines all the same, and none after the end."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        async with log.beating(every_s=0.001):
            async with asyncio.timeout(30):
                while stream.getvalue().count("not begun yet") < 2:  # noqa: ASYNC110 - a stream tells nobody
                    await asyncio.sleep(0.001)
        length = len(stream.getvalue())
        await asyncio.sleep(0.01)
        assert len(stream.getvalue()) == length
