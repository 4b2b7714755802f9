"""Pieces of Markdown, GitLab's and others', out of which hostile texts are made."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

HEX: Final = "0123456789abcdef0123456789abcdef"
FRAGMENTS: Final = tuple(
    f"""
    @bob @alice @john.doe @dora @mallory @all @group/sub @alice/x @a-b @_x @ a@b.c é@bob .@bob
    x_@bob &#64;bob &#x40;bob &commat;bob \\@bob @&#98;ob @<b>bob</b> @<!-- -->bob @alice<!-- -->x `
    `` ``` ~~~ ~ * ** _ __ [ ] ( ) [@bob](http://x.y) ![@bob](x) [x]: </ > < <a <b> </b> <div>
    </div> <pre> </pre> <code> <!-- --> <!--> <!-- -- <? ?> <a\u00a0href='@bob'> ' " = > - + 1. |
    |-|-| # #12 #99 #12x word#12 group/lib#3 group/app#4 o/r#5 lib#6 !3 !99 group/lib!2 \\#12
    &num;12 &#35;12 #<b>12</b> o/r<!-- -->#12 GH-12 gh-<b>7</b> Fixes closes: resolved
    https://github.com/o/r/issues/1 https://gitlab.example.com/group/app/-/issues/3 https://x.y/@bob
    www.x.y/@bob (https://x.y/@bob) xhttps://x.y/@bob http://x.y/a#12 $ ^ [^1] [^1]: é ✓ \ufeff
    #12+ #12+s #99+ %v1.0 %"two %3 ~bug ~"two words" ~team::core ~"Long group/lib~bug &5 group/sub&7 AT&T
    GL-12 GL-99 [issue:12] [issue:group/lib/3] [work_item:99] [epic:5] [epic:@bob/5]
    https://gitlab.example.com/group/app/-/issues/12+s $12
    group/lib$4 group/lib@0123abc o/r@deadbee1 bob@deadbee1 0123abc...deadbee1 group/lib@0123abc..deadbee1
    [x](/uploads/{HEX}/a.png) ![x](/uploads/{HEX}/a.png){{width=300}} ![v](/uploads/{HEX}/film.mp4)
    <img src="/uploads/{HEX}/a.png"> <a href="https://github.com/o/r/issues/1">y</a>
    <a href=//github.com/o/r/pull/2>
    [x](https://github.com/o/r/issues/1) [x](<https://github.com/o/r/pull/1>) [x][y] [y] [y]: [z]
    [z]:https://github.com/o/r/issues/4 <https://github.com/o/r/issues/1>
    <https://gitlab.example.com/group/lib/-/issues/3>
    [f](doc/a.md) [f](../../../../o/r/issues/1) ![f](a_b.png) [g](/group/lib/-/issues/3)
    [k](&#104;ttps://github.com/o/r/issues/1)
    https://gitlab.example.com/group/lib/-/blob/main/a.py#L1-3 https://gitlab.example.com/group/lib/-/issues/3#note_1
    [[_TOC_]] [TOC] >>> >>>> ::include{{file=a.md}} {{+ +}} [- -] {{+@bob+}} [-#12-] [~] [x] /close /label
    --- title: $$ $$#12$$ $$x
    ```suggestion:-0+0 ```math $`a`$ <details> <summary> </details> :tada: redirect.github.com
    """.split()
)
SPACE: Final = (
    "",
    "",
    "",
    " ",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "    ",
    "\t",
    "  \n",
    "> ",
    "- ",
    "\n- ",
    "\n> ",
    "](",
)
TEXTS: Final = st.lists(
    st.tuples(st.sampled_from(FRAGMENTS) | st.text(max_size=4), st.sampled_from(SPACE)), max_size=14
).map(lambda parts: "".join(word + space for word, space in parts))
