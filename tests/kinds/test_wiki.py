"""Pages of wikis: their names on GitHub, where their links lead, what is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from known_book import KnownBook

from gl2gh_batch.domain.request import WikiPolicy
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._wiki_pages import Wiki, page_to_github, places_of
from gl2gh_batch.kinds.wiki import WikiKind, WikiRecord

ROOT = "https://github.com/acme/app"
PAGES_ON_GITLAB = "https://gitlab.example.com/group/app/-/wikis"
PATHS = ("home.md", "_sidebar.md", "guides/set up.md", "guides/other.md", "other.md", "uploads/a b.png")


def wiki(policy: WikiPolicy = WikiPolicy.DOCS_BRANCH) -> Wiki:
    """A wiki with a few pages."""
    ref = "" if policy is WikiPolicy.WIKI else "wiki"
    return Wiki.of(places_of(PATHS, policy), policy=policy, root=ROOT, ref=ref)


@pytest.mark.parametrize(
    ("text", "branch", "own"),
    [
        ("[[home]]", "[home](../Home.md)", f"[home]({ROOT}/wiki/Home)"),
        ("[[see|guides/Set-Up]]", "[see](set%20up.md)", f"[see]({ROOT}/wiki/set%20up)"),
        ("[x](other)", "[x](other.md)", f"[x]({ROOT}/wiki/guides-other)"),
        ("[x](/other#a)", "[x](../other.md#a)", f"[x]({ROOT}/wiki/other#a)"),
        ("[x](../other.md)", "[x](../other.md)", f"[x]({ROOT}/wiki/other)"),
        ("[wiki_page:other]", "[other](../other.md)", f"[other]({ROOT}/wiki/other)"),
        (
            "![p](/uploads/a%20b.png)",
            "![p](../uploads/a%20b.png?raw=true)",
            f"![p]({ROOT}/wiki/uploads/a%20b.png)",
        ),
        ("`[[home]]`", "`[[home]]`", "`[[home]]`"),
        ("[[No such]]", f"[No such]({PAGES_ON_GITLAB}/No-such)", f"[No such]({PAGES_ON_GITLAB}/No-such)"),
        ("[[x|guides/../no]]", f"[x]({PAGES_ON_GITLAB}/no)", f"[x]({PAGES_ON_GITLAB}/no)"),
        ("[[Site|https://x.y/a_(b)]]", "[Site](https://x.y/a%5F%28b%29)", "[Site](https://x.y/a%5F%28b%29)"),
        ("[[x|javascript:alert(1)]]", f"[x]({PAGES_ON_GITLAB}/javascript%3Aalert%281%29)", None),
        ("[[#part]] [[x|#part]]", "[\\#part](#part) [x](#part)", "[\\#part](#part) [x](#part)"),
        ("[[other#Part one]]", "[other\\#Part one](../other.md#part-one)", None),
        ("[[x|other#part-one]]", "[x](../other.md#part-one)", f"[x]({ROOT}/wiki/other#part-one)"),
        ("[[x|#Ä (b) & C_d]]", "[x](#%C3%A4-b--c_d)", None),
        ("[[x|uploads/a b.png#Part one]]", "[x](../uploads/a%20b.png?raw=true#Part%20one)", None),
        ("$$ #1 @alice [[home]] $$", "$$ #1 @alice [[home]] $$", None),
        ("[[**b** c|home]] \\[[home]]", "[\\*\\*b\\*\\* c](../Home.md) \\[[home]]", None),
        ("|a|b|\n|-|-|\n|[[x\\|home]]|[[y|\n", "|a|b|\n|-|-|\n|[x](../Home.md)|[[y|\n", None),
        ("|a|b|\n|-|-|\n|[[x|home]]|\n", "|a|b|\n|-|-|\n|[[x|home]]|\n", None),
        ("```\n[[home]] #1\n```", "```\n[[home]] #1\n```", "```\n[[home]] #1\n```"),
        ("#12", f"[#1012]({ROOT}/issues/1012)", f"[#1012]({ROOT}/issues/1012)"),
        ("closes #12", f"closes [#1012]({ROOT}/issues/1012)", f"closes [#1012]({ROOT}/issues/1012)"),
        ("[#12], \\#12", f"[[#1012]({ROOT}/issues/1012)], [#1012]({ROOT}/issues/1012)", None),
        ("[issue:12]", f"[#1012]({ROOT}/issues/1012)", None),
        ("https://gitlab.example.com/group/app/-/issues/12", f"[#1012]({ROOT}/issues/1012)", None),
        ("lib@9ba12248", "[acme/lib@9ba12248](https://github.com/acme/lib/commit/9ba12248)", None),
        ("[see #12](other)", "[see #12](other.md)", f"[see #12]({ROOT}/wiki/guides-other)"),
        ("group/lib#3", "[acme/lib#1003](https://github.com/acme/lib/issues/1003)", None),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))", None),
        ("[[x](y|home]]", None, None),
    ],
)
def test_links_lead_to_the_pages(text: str, branch: str | None, own: str | None) -> None:
    """Every form of link that GitLab has, from a page in a folder; in code nothing changes."""
    for policy, expected in ((WikiPolicy.DOCS_BRANCH, branch), (WikiPolicy.WIKI, own)):
        done = page_to_github(text, "guides/set up.md", wiki(policy), KnownBook())
        if expected is not None:
            assert done == expected


CODE = [
    "1. Commit:\n\n    ```sh\n    git commit -m 'closes #1, [[home]]'\n    ```\n",
    "- a\n    - b\n        ```sh\n        [[ -f x ]] || exit #1\n        ```\n",
    "> ```css\n> a { color: #2 }\n> ```\n",
    "Text\n\n    indented #1 [[home]] !2\n\nmore\n",
    "\tgroup/lib#3\n",
    "<pre>\n#1 [[home]]\n</pre>\n",
    "<pre><b>x</b> #1 [[home]]\n</pre>\n",
    "<code>#1 [[home]] @alice</code> <a href='https://x.y'>#1 !1</a> x\n",
    "<!-- #1 [[home]] !1 -->\n",
    "a <!-- #1 [[home]] --> b\n",
    "`two\nlines #1 [[home]]` x\n",
    "``` inline #1 ``` and `` ` [[home]] ``\n",
    "~~~\r\n#1\r\n[[home]]\r\n~~~\r\n",
    "$$\n[[1]]\n$$\n",
    "[[_TOC_]] [[ ]] [[a|]]\n",
]


@pytest.mark.parametrize("text", CODE)
def test_code_stays_as_it_is(text: str) -> None:
    """Whatever is code to GitHub, or no text at all, keeps its words, and gets no sign that nobody sees."""
    assert page_to_github(text, "other.md", wiki(), KnownBook()) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\ntags: '#1 [[home]]'\n---\n#1\n",
            f"```yaml\ntags: '#1 [[home]]'\n```\n[#1001]({ROOT}/issues/1001)\n",
        ),
        (">>>\n```\n#1 [[home]]\n```\n>>>\n", "\n> ```\n> #1 [[home]]\n> ```\n\n"),
        (
            "```sh\r\nmake\r\n```\r\n\r\nSee [[home]], #1.\r\n",
            f"```sh\r\nmake\r\n```\r\n\r\nSee [home](Home.md), [#1001]({ROOT}/issues/1001).\r\n",
        ),
        ("<code>#1</code> <b>#1</b>", f"<code>#1</code> <b>[#1001]({ROOT}/issues/1001)</b>"),
    ],
)
def test_what_stands_beside_code_is_linked(text: str, expected: str) -> None:
    """Where code ends, in lines of either sort, references and links are ones again."""
    assert page_to_github(text, "other.md", wiki(), KnownBook()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: A *b*\n---\nText\n", "# A \\*b\\*\n\nText\n"),
        ("---\ntitle: 'A'\n---\n# Own\n", "# Own\n"),
        ("---\ntitle: A\ntags: [x]\n---\nText\n", "```yaml\ntags: [x]\n```\n\n# A\n\nText\n"),
        ("---\n---\nText\n", "---\n---\nText\n"),
        ("Text\n---\ntitle: A\n---\n", "Text\n---\ntitle: A\n---\n"),
    ],
)
def test_the_title_of_the_front_matter_is_a_heading(text: str, expected: str) -> None:
    """What else is there stays, as in every other text."""
    assert page_to_github(text, "other.md", wiki(), KnownBook()) == expected


def test_no_two_files_share_a_place() -> None:
    """Special pages get GitHub's names unless these are taken; in GitHub's wiki a name is there once."""
    paths = ("home.md", "Home.md", "_sidebar.md", "a/x.md", "b/X.md", "b/b-x.md", "c/.git/x.md")
    for policy in WikiPolicy:
        places = places_of(paths, policy)
        assert len(set(places.values())) == len(paths)
        assert places["Home.md"] == "Home.md"
        assert places["home.md"] == ("home-2.md" if policy is WikiPolicy.WIKI else "home.md")
        assert places["_sidebar.md"] == "_Sidebar.md"
        assert places["c/.git/x.md"] == "c/.git/x.md"
    names = [place.rpartition("/")[2].lower() for place in places_of(paths[3:6], WikiPolicy.WIKI).values()]
    assert len(set(names)) == 3


def test_what_is_not_carried_is_a_loss(setting: Callable[..., Setting]) -> None:
    """Other branches, files and histories that GitHub refuses, pages that are no Markdown, new names."""
    kind, known = WikiKind(), replace(setting(), wiki=wiki(WikiPolicy.WIKI))

    def losses(path: str, **fields: Any) -> list[str]:
        shaped = kind.shape(WikiRecord(path=path, blob="1" * 40, **fields), known)
        assert (shaped.desired is None) == bool(fields.get("refused"))
        return [one.item for one in shaped.losses]

    assert losses("home.md", others=("draft",)) == ["wiki/draft"]
    assert losses("other.md", refused="large") == ["wiki/other.md"]
    assert losses("", refused="large") == ["wiki/history"]
    assert losses("guides/other.md") == ["wiki/guides/other.md"]
    assert losses("other.md", text="[[home]]") == []
