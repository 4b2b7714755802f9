"""What GitLab's own Markdown becomes on GitHub, case by case."""

from __future__ import annotations

from typing import Final

import pytest
from github_scanner import rendered
from known_book import KnownBook

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.text import stages, to_github

Z: Final = "\u200b"
SECRET: Final = "0123456789abcdef0123456789abcdef"
LAB: Final = "https://gitlab.example.com"
HUB: Final = "https://github.com/acme"
FILES: Final = f"{HUB}/app/raw/uploads/{SECRET}"
VERSION: Final = f"{HUB}/app/issues?q=is%3Aissue%20milestone%3A%22v1.0%22"
RELEASES: Final = f"{LAB}/group/app/-/releases"
EVIDENCE: Final = f"{HUB}/app/releases/download/v1.0/evidence-1.json"
EPIC: Final = f"[\\&5]({LAB}/groups/group/-/epics/5)"
SHELL: Final = (
    "cmd 2>&1 | tee a.log",
    "cmd >&2 1>& 2 3<&0 4>&- &>1",
    "cmd 2&gt;&amp;1 2\\>&1",
    "cmd `2>`&1 [x](https://x.y)&1 <b>2></b>&1",
    "a && b &&1 R&1 x|&1",
)

CASES: Final = [
    # issues and merge requests
    ("#12+ and #12+s", "#1012 and #1012"),
    ("see !3, group/lib!2", "see #2003, acme/lib#2002"),
    ("C++ #12+3", "C++ #1012+3"),
    ("!99", f"[!99]({LAB}/group/app/-/merge_requests/99)"),
    # milestones
    ("%v1.0.", f"[%v1.0]({VERSION})."),
    ('%"two words"', f"[%two words]({HUB}/app/issues?q=is%3Aissue%20milestone%3A%22two%20words%22)"),
    ("%3", f"[%v1.0]({VERSION})"),
    ("100 %nope 5% off", "100 %nope 5% off"),
    # labels
    ("~bug, ~nope", f"[bug]({HUB}/app/labels/bug), ~nope"),
    ('~"two words"', f"[two words]({HUB}/app/labels/two%20words)"),
    ("~team::core", f"[team::core]({HUB}/app/labels/team%3A%3Acore)"),
    ("group/lib~ready", f"[group/lib ready]({HUB}/lib/labels/ready)"),
    ("~bug~ and ~~bug~~ are struck", "~bug~ and ~~bug~~ are struck"),
    ("/home/me~bug x~bug", "/home/me~bug x~bug"),
    # epics, snippets
    ("&5 and R&D, AT&T, a&5", f"[\\&5]({LAB}/groups/group/-/epics/5) and R&D, AT&T, a&5"),
    *((words, words) for words in SHELL),
    ("> cmd 2>&1\n> &5", f"> cmd 2>&1\n> {EPIC}"),
    (">&5", f">{EPIC}"),
    ("see &amp;5", f"see {EPIC}"),
    ("see &5. (&5), **&5** &1.5 &5;", f"see {EPIC}. ({EPIC}), **{EPIC}** &1.5 &5;"),
    ("group/sub&7", f"[group/sub\\&7]({LAB}/groups/group/sub/-/epics/7)"),
    ("$12 is money", "$12 is money"),
    ("group/lib$4", f"[group/lib\\$4]({LAB}/group/lib/-/snippets/4)"),
    # commits
    ("9ba12248 stays", "9ba12248 stays"),
    ("group/lib@9ba12248", "acme/lib@9ba12248"),
    ("group/app@9ba12248", "9ba12248"),
    ("o/r@9ba12248", f"[o/r@{Z}9ba12248]({LAB}/o/r/-/commit/9ba12248)"),
    ("9ba12248...b19a04f5", f"[9ba12248...b19a04f5]({HUB}/app/compare/9ba12248...b19a04f5)"),
    ("1234567..7654321", "1234567..7654321"),
    # people
    ("@alice @bob @all @group/sub", f"@alice-gh @{Z}bob @{Z}all @{Z}group/sub"),
    # addresses of this GitLab
    (f"{LAB}/group/lib/-/issues/3", "acme/lib#1003"),
    (f"{LAB}/group/app/merge_requests/3", "#2003"),
    (f"{LAB}/group/lib/-/blob/main/a.py#L1-3", f"{HUB}/lib/blob/main/a.py#L1-L3"),
    (f"{LAB}/group/lib/-/tree/v1/src?ref_type=tags", f"{HUB}/lib/tree/v1/src"),
    (f"{LAB}/group/lib/-/commit/9ba12248", f"{HUB}/lib/commit/9ba12248"),
    (f"{LAB}/group/lib/-/compare/a...b", f"{HUB}/lib/compare/a...b"),
    (f"{LAB}/group/app/-/milestones/3", VERSION),
    (f"{LAB}/group/lib/-/labels", f"{HUB}/lib/labels"),
    (f"{LAB}/group/lib/-/tags/v1.0", f"{HUB}/lib/releases/tag/v1.0"),
    # releases and their files
    (f"{LAB}/group/lib/-/releases/v1.0", f"{HUB}/lib/releases/tag/v1.0"),
    (f"{LAB}/group/app/-/tags/release%2Fnext", f"{HUB}/app/releases/tag/release/next"),
    (f"{LAB}/group/app/-/releases/release/next", f"{HUB}/app/releases/tag/release/next"),
    (f"{LAB}/group/lib/-/releases/permalink/latest", f"{HUB}/lib/releases/latest"),
    (f"{RELEASES}/permalink/latest/downloads/app.zip", f"{HUB}/app/releases/latest/download/app.zip"),
    (f"{RELEASES}/permalink/latest/downloads/gone", f"{RELEASES}/permalink/latest/downloads/gone"),
    (f"[x](<{RELEASES}/v1.0/downloads/bin/app (1).zip>)", f"[x]({HUB}/app/releases/download/v1.0/app-1.zip)"),
    ("[x](/group/app/-/releases/v1.0/evidences/1.json)", f"[x]({EVIDENCE})"),
    (f"{LAB}/group/app/releases/v1.0/evidences/1.json", EVIDENCE),
    (f"{RELEASES}/release%2Fnext/downloads/app.zip", f"{HUB}/app/releases/download/release/next/app.zip"),
    (f"{RELEASES}/release/next/downloads/app.zip", f"{HUB}/app/releases/download/release/next/app.zip"),
    *(
        (address, address)
        for address in (
            f"{RELEASES}/v1.0/downloads/gone.zip",
            f"{RELEASES}/v1.0/evidences/2.json",
            f"{RELEASES}/v1.0/evidence.json",
            f"{LAB}/group/lib/-/releases/v1.0/downloads/app.zip",
            f"{RELEASES}/permalink/other",
            f"{RELEASES}/v1.0/edit",
            f"{RELEASES}/new",
            f"{LAB}/group/app/-/tags/new",
            f"{LAB}/group/app/-/tags/v1.0/release/edit",
        )
    ),
    (f"{LAB}/group/lib.git", f"{HUB}/lib.git"),
    (f"{LAB}/other/thing/-/issues/3", f"{LAB}/other/thing/-/issues/3"),
    (f"[x]({LAB}/group/lib/-/issues/3 'title')", f"[x]({HUB}/lib/issues/1003 'title')"),
    (f"<{LAB}/group/lib/-/issues/3>", f"<{HUB}/lib/issues/1003>"),
    (f"Fixes <{LAB}/group/lib/-/issues/3>", f"Fixes {Z}<{HUB}/lib/issues/1003>"),
    (f"[z]\n\n[z]: {LAB}/group/lib/-/issues/3", f"[z]\n\n[z]: {HUB}/lib/issues/1003"),
    (f'<a href="{LAB}/group/lib/-/issues/3">x</a>', f'<a href="{HUB}/lib/issues/1003">x</a>'),
    # relative links
    ("[f](doc/a.md#L3-5)", f"[f]({HUB}/app/blob/HEAD/doc/a.md#L3-L5)"),
    ("![i](./x.png)", f"![i]({HUB}/app/raw/HEAD/x.png)"),
    ("![i]\n\n[i]: x.png", f"![i]\n\n[i]: {HUB}/app/raw/HEAD/x.png"),
    ("[g](/group/lib/-/issues/3)", f"[g]({HUB}/lib/issues/1003)"),
    ("[g](/other/thing/-/issues/3)", f"[g]({LAB}/other/thing/-/issues/3)"),
    ("[u](../../../o/r/issues/1)", f"[u]({HUB}/app/blob/HEAD/o/r/issues/1)"),
    ("[h](#here) [m](mailto:a@b.c)", "[h](#here) [m](mailto:a@b.c)"),
    # attachments
    (f"![x](/uploads/{SECRET}/a.png)", f"![x]({FILES}/a.png)"),
    (f"[x](</uploads/{SECRET}/log file.txt>)", f"[x]({FILES}/log%20file.txt)"),
    (f"[x](/uploads/{SECRET}/gone.txt)", f"[x]({LAB}/group/app/uploads/{SECRET}/gone.txt)"),
    (f"![x](/-/project/7/uploads/{SECRET}/a.png)", f"![x]({FILES}/a.png)"),
    (f"![x]({LAB}/group/app/uploads/{SECRET}/a.png)", f"![x]({FILES}/a.png)"),
    (
        f'a ![x "y"](/uploads/{SECRET}/a.png){{width=300 height=20%}}.',
        f'a <img src="{FILES}/a.png" alt="x &quot;y&quot;" width="300" height="20%">.',
    ),
    (f"![v](/uploads/{SECRET}/film.mp4)", f"[v]({FILES}/film.mp4)"),
    (f'<img src="/uploads/{SECRET}/a.png" width=3>', f'<img src="{FILES}/a.png" width=3>'),
    (f"`![x](/uploads/{SECRET}/a.png)`", f"`![x](/uploads/{SECRET}/a.png)`"),
    # links that would show up at strangers'
    ("[x](https://github.com/o/r/issues/1)", "[x](https://redirect.github.com/o/r/issues/1)"),
    ("<https://github.com/o/r/pull/1>", "<https://redirect.github.com/o/r/pull/1>"),
    ("[x](https://github.com/o/r)", "[x](https://github.com/o/r)"),
    # blocks
    ("[[_TOC_]]\n\n# A", "<!-- [[_TOC_]] -->\n\n# A"),
    ("see [TOC]", "see [TOC]"),
    ("::include{file=doc/a.md}", f"[doc/a.md]({HUB}/app/blob/HEAD/doc/a.md)"),
    ("---\ntitle: x @bob\n---\n\n#12", "```yaml\ntitle: x @bob\n```\n\n#1012"),
    ("---\n\ntext", "---\n\ntext"),
    ("a\n>>>\nq #12\n\nr\n>>>\nb", "a\n\n> q #1012\n> \n> r\n\nb"),
    ("```\n>>>\nx\n>>>\n```", "```\n>>>\nx\n>>>\n```"),
    (">>> print(1)\n>>>\nopen", ">>> print(1)\n>>>\nopen"),
    ("- [~] **not** `x`\n- [x] done", "- <del>**not** `x`</del>\n- [x] done"),
    ("{+ new @bob +} [- old -]", f"<ins>new @{Z}bob</ins> <del>old</del>"),
    ("```suggestion:-0+3\n#12\n```", "```suggestion\n#12\n```"),
    ("```json:table\n{}\n```", "```json\n{}\n```"),
    # what both have, or what is harmless as it is
    ("```mermaid\ngraph TD\n```", "```mermaid\ngraph TD\n```"),
    ("```math\na^2\n```\n$`a#12`$", "```math\na^2\n```\n$`a#12`$"),
    ("$$ f(#1) = x_#2 & 5 ~bug !3 $$ #12", "$$ f(#1) = x_#2 & 5 ~bug !3 $$ #1012"),
    ("$$\n#1 {+ a +}\n$$\n> $$#12$$", "$$\n#1 {+ a +}\n$$\n> $$#12$$"),
    ("$$ @alice @bob lib#3 $$", f"$$ @{Z}alice @{Z}bob lib#{Z}3 $$"),
    ("\\$$ #12 $$, $$ #12\n\n#12 $$", "\\$$ #1012 $$, $$ #1012\n\n#1012 $$"),
    ("```plantuml\nA -> B\n```", "```plantuml\nA -> B\n```"),
    ("a[^1]\n\n[^1]: see #12", "a[^1]\n\n[^1]: see #1012"),
    (
        "<details>\n<summary>s</summary>\n\n#12\n\n</details>",
        "<details>\n<summary>s</summary>\n\n#1012\n\n</details>",
    ),
    ("/close\n/assign @bob\n/label ~nope", f"/close\n/assign @{Z}bob\n/label ~nope"),
    (":tada: :gitlab_only:", ":tada: :gitlab_only:"),
    ("- [ ] a\n- [x] b", "- [ ] a\n- [x] b"),
    ("<!-- @bob #12 -->", "<!-- @bob #12 -->"),
    ("<pre>\n@bob #12\n</pre>", "<pre>\n@bob #12\n</pre>"),
    ("<pre><code>@bob</code></pre>", "<pre><code>@bob</code></pre>"),
    ("<pre></div>@bob</pre>", f"<pre></div>@{Z}bob</pre>"),
    ("- a\n<b>\n`@bob`", f"- a\n\n<b>\n`@{Z}bob`"),
    ("- a\n  <b>\n  `@bob`", "- a\n  <b>\n  `@bob`"),
    ("> é\n> <b>\n> `@bob`", "> é\n> <b>\n> `@bob`"),
    ("`` `a` `@bob`", "\\`\\` `a` `@bob`"),
    ("`` `a` `b`", "`` `a` `b`"),
    ("line\r\nends\r\n", "line\r\nends\r\n"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_cases(book: Book, before: str, after: str) -> None:
    """The table of what becomes of what."""
    assert to_github(before, book) == after


@pytest.mark.parametrize(("before", "after"), CASES)
def test_every_link_is_one_on_github(book: Book, before: str, after: str) -> None:
    """What we write as a link is one to GitHub's own parser: no stray bracket is left on the page."""
    page = rendered(after)
    added = [edit.text for _, edits in stages(before, book) for edit in edits]
    assert not any(text.startswith("[") and text in page for text in added)
    assert "](" not in page.replace("`![x](", "") or "](" in before


def test_a_server_of_ones_own_has_no_redirecting_host() -> None:
    """There, a sign of the number is quoted in links, and a bare address becomes code."""
    own = KnownBook(github_url="https://ghe.example.com")
    link = "[x](https://ghe.example.com/o/r/issues/12)"
    assert to_github(link, own) == "[x](https://ghe.example.com/o/r/issues/%312)"
    bare = "https://ghe.example.com/o/r/issues/12"
    assert to_github(bare, own) == f"`{bare}`"
    assert to_github(f"{LAB}/group/lib/-/tree/main", own) == "https://ghe.example.com/acme/lib/tree/main"


def test_a_sized_image_alone_keeps_the_next_lines_markdown(book: Book) -> None:
    """A line that is nothing but a tag would make raw HTML of the lines behind it."""
    text = f"![x](/uploads/{SECRET}/a.png){{width=3}}\n**bold** #12"
    assert "<strong>bold</strong> #1012" in rendered(to_github(text, book))
