"""Texts that have made parsers and regular expressions slow, each of any length."""

from __future__ import annotations

from typing import Final

HEX: Final = "0123456789abcdef0123456789abcdef"

REPEATED: Final = {
    "at signs": "@",
    "references": "#1",
    "half paths": "@a/",
    "closed addresses": "http://x/)",
    "open comments": "<!--",
    "open tags": "<a x='",
    "entities": "&#64;",
    "open brackets": "[",
    "emphasis": "*@a",
    "backticks": "`",
    "long paths": "g/",
    "mixed references": "x@#1!1",
    "address beginnings": "http://a.",
    "quotes": "> ",
    "images": "![a](",
    "nested images": "![[",
    "inserted": "{+[-",
    "labels": '~"a %"b ',
    "epics and snippets": "&1$1a/b&1",
    "hashes": "0123abcdef..",
    "commits": "a/b@0123abc...",
    "long quotes": ">>>\n",
    "lines of dashes": "---\n",
    "left out": "- [~] a\n",
    "nested items": "- ",
    "attachments": f"[x](/uploads/{HEX}/a.png){{width=3}} ",
    "paths in links": "[x](/a/b/uploads/-/../%2F) ",
    "definitions": "[a]: /uploads/x\n",
    "keywords": "fixes: close ",
    "includes": "::include{file=\n",
    "tables": "|a|\n|-|\n",
    "tags": "<img src=/a><a href=b>\n",
}
PROSE: Final = """\
Hello @alice, since **v1.2** the build of group/lib fails (see #12 and !3), most of all on `arm64`: the log in
[this job](https://gitlab.example.com/group/lib/-/blob/main/ci/log.txt#L10-20) says that nothing was linked.
We talked about it in https://gitlab.example.com/group/app/-/issues/7 and decided to wait for %v1.0 ~bug.

- [x] write it down
- [ ] ask @bob, and read [the page](https://docs.example.org/page)
- [~] give up

![screen](/uploads/0123456789abcdef0123456789abcdef/a.png)

```python
def answer(question: str) -> int:
    return 42  # @bob #12
```

> A quote of some length, which says in many words what could be said in few, and says it twice.

| case | result |
|------|--------|
| one  | 9ba12248 |

"""


def shape(unit: str, length: int) -> str:
    """The unit again and again, `length` characters long."""
    return (unit * (length // len(unit) + 1))[:length]
