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
    assert {"::error::two", "::endgroup::", "##[group]x"} <= set(read.shown)
    assert "error" in read.shown[0]
    assert "warning" in read.shown[-2]
    tokens = re.findall(r"::stop-commands::(\w+)", stream.getvalue())
    assert len(tokens) == len(set(tokens)) == 1


def test_between_the_groups_there_is_nothing_but_words() -> None:
    """The runner shows each line that stops or wakes the commands: none is seen unless a group is opened."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        log.line("| g/a: starts")
        log.group("g/a - export done (3 s)", ["| g/a: ::error::x"])
        log.group("g/b - export done (3 s)", ["| g/b: 5 records"])
        log.line("| g/a: success [1/2 projects]")
    read = Log()
    read.read(stream.getvalue())
    inside, seen = False, []
    for line in stream.getvalue().splitlines():
        inside = line.startswith("::group::") or (inside and line != "::endgroup::")
        if not inside and not line.startswith("::endgroup::"):
            seen.append(line)
    assert seen == ["| g/a: starts", "| g/a: success [1/2 projects]"]
    assert [one.name for one in read.commands] == ["group", "endgroup"] * 2


def test_a_line_between_groups_is_no_command_whatever_it_holds() -> None:
    """It begins with a bar, and what would be a command in it is taken apart, also where a view forgot to."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        for text in ("::error::1", "  ::error::2", "a ##[error]3", "b\n::error::4", "c\r##[group]5"):
            log.line(text)
    read = Log()
    read.read(stream.getvalue())
    assert read.commands == []
    assert len(stream.getvalue().splitlines()) == 5
    assert all(line.startswith("| ") for line in stream.getvalue().splitlines())


def test_a_token_that_was_seen_wakes_nothing() -> None:
    """Who repeats the token of an earlier stop, which the log shows, gets no command through."""
    stream = io.StringIO()
    with ActionLog(stream) as log:
        log.group("a", [])
        [first] = re.findall(r"::stop-commands::(\w+)", stream.getvalue())
        log.group("b", [f"::{first}::", "::error::x"])
    read = Log()
    read.read(stream.getvalue())
    assert [one.name for one in read.commands] == ["group", "endgroup"] * 2


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
