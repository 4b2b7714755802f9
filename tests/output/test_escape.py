"""Foreign text is harmless in cells, on terminals and in logs."""

from __future__ import annotations

import re

import pyromark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyromark import Options

from gl2gh_batch.output.escape import cell, code, prose, terminal, usable, words

OPTIONS = Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH | Options.ENABLE_GFM | Options.ENABLE_FOOTNOTES
TEXTS = st.text() | st.lists(
    st.sampled_from(
        [*list("|`<>&*_~[]()#+-=!\\@:$.\"'^{}\n "), "http://x", "www.x.y", "@bob", "GH-1", "#1", "1. "]
    )
).map("".join)


def parser_takes_for_command(line: str) -> bool:
    """A port of the runner's own rule (`ActionCommand.TryParseV2` and `TryParse`)."""
    bare = line.lstrip()
    return (bare.startswith("::") and bare.find("::", 2) > 0) or bool(re.search(r"##\[[^\]]*\]", line))


@given(TEXTS, TEXTS)
def test_a_cell_is_plain_words(one: str, other: str) -> None:
    """In a table every cell stays one cell, with nothing in it but text, and that text is the words given."""
    table = f"| {cell(one)} | x{cell(other)}x | {code(one)} |\n|---|---|---|\n| a | b | c |\n"
    cells: list[str] = []
    for event in pyromark.events(table, options=OPTIONS):
        match event:
            case {"Start": "TableCell"}:
                cells.append("")
            case {"Text": text}:
                cells[-1] += text
            case {"InlineHtml": tag}:
                assert tag in ("<code>", "</code>")
            case {"Start": {"Table": _}} | {"Start": "TableHead" | "TableRow"} | {"End": _}:
                pass
            case _:
                raise AssertionError(event)
    assert len(cells) == 6
    assert cells[0].replace("\u200b", "") == words(one, 300)
    assert cells[1].replace("\u200b", "") == f"x{words(other, 300)}x"
    assert cells[2].replace("\u200b", "") == words(one, 300)
    assert not re.search(r"(?:^|\W)@\w", cells[0])


@given(TEXTS | st.sampled_from(["::error::x", " \t::x::", "##[error]x", "###[x]y", ":::::", "##\u200b[x]"]))
def test_a_log_line_is_one_line_and_no_command(text: str) -> None:
    """Whatever a text holds, it is one printable line that the runner takes for no command."""
    line = terminal(text)
    assert not parser_takes_for_command(line)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", line)
    assert len(line.splitlines()) <= 1
    line.encode()


def test_limits_are_kept() -> None:
    """A long text is cut with an ellipsis."""
    assert words("x" * 10, 5) == "xxxx…"
    assert terminal("x" * 10, 5) == "xxxx…"
    assert terminal("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"


def test_data_is_fit_for_utf8_and_otherwise_the_same() -> None:
    """Lone surrogates are replaced at any depth; everything else stays."""
    assert usable({"a\ud800": ["b\udfff", 1, None, {"c": ("d",)}]}) == {
        "a\ufffd": ["b\ufffd", 1, None, {"c": ["d"]}]
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Give another `target`, or `visibility: private`.", 2),
        ("`a` ``b`` ` target ` `<b>` `x", 0),
        ("`@victim` `#12` `</code><b>` `a|b`", 0),
    ],
)
def test_names_in_a_sentence_are_shown_as_code(text: str, shown: int) -> None:
    """Only plain names between backticks become code; whatever else stands there is words."""
    assert prose(text).count("<code>") == prose(text).count("</code>") == shown
    assert "<b>" not in prose(text)
