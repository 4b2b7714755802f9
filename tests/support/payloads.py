"""Two hundred texts that somebody could put into GitLab to make our output, or GitHub, do something."""

from __future__ import annotations

from typing import Final

# What each of them tries is in its name's place: commands of the runner, of a terminal, of a spreadsheet,
# of Markdown, of HTML, of Mermaid, of our own markers.
_SEEDS: Final = (
    "::error::injected",
    "::add-mask::e",
    "::set-output name=status::success",
    "::stop-commands::aaaaaaaaaaaaaaaaaaaaaaaa",
    "##[error]injected",
    "##[group]injected",
    "##[set-env name=PATH]x",
    "%0A::warning::injected",
    "::debug::%0D%0A::error file=a,line=1::b",
    "::save-state name=a::b",
    '=HYPERLINK("https://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x00\x08\x0b\x0c",
    "\x07\x08\x08\x08overwritten",
    "a\u202etxt.exe",
    "\u2066hidden\u2069",
    "\u200b\u200c\ufeff",
    "\U000e0041\U000e0042",
    "\u2028::error::after a line separator",
    "\x85::error::after a next line",
    "| a | b |\n|---|---|\n| c | d |",
    "|",
    "`",
    "```",
    "~~~\n@stranger\n~~~",
    "</code></td></tr></table>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- gl2gh:issues/1 -->",
    '<!-- gl2gh-batch:plan {"version":1} -->',
    "<!--",
    "-->",
    "<details><summary>",
    "</details>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "# heading",
    "- [ ] task\n- item",
    "> quote\n\nafter",
    "***bold*** __it__ ~~gone~~",
    "@stranger @torvalds @github/security",
    "#1 #99999 GH-12 torvalds/linux#1 https://github.com/torvalds/linux/issues/1",
    "Fixes #1. Closes: torvalds/linux#2",
    '```mermaid\ngraph TD; A-->B; click A "https://evil.example"\n```',
    "$$\\input{/etc/passwd}$$ $`x`$",
    '{"$ref": "issues/1", "field": "id"}',
    "${{ secrets.GITHUB_TOKEN }}",
    "$(touch /tmp/x); `touch /tmp/x` && rm -rf /",
    "../../../../etc/passwd",
    "%s %d %n {0} {name} %%",
    "a" * 3000,
    "<a href='" + "x" * 500,
    "[" * 200,
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 100,
    "\n\n\n\n",
    " ",
    "https://evil.example/@stranger?x=#1",
    "/close\n/assign @stranger",
    "[^1]\n\n[^1]: note",
    "\r\n::error::after a return",
    "\r::error::after a lone return",
)
_FRAMES: Final = ("{}", "\n{}", "x {} y", "{}\n{}", "\r\n  {}", "({})")


def _made() -> tuple[str, ...]:
    """Each seed as it is, then each in the frames that change where it stands, up to two hundred."""
    found = dict.fromkeys(_SEEDS)
    for frame in _FRAMES[1:]:
        for seed in _SEEDS:
            found.setdefault(frame.replace("{}", seed))
    return tuple(found)[:200]


PAYLOADS: Final = _made()
