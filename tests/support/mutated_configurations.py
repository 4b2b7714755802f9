"""Configurations that nobody wrote: right ones, changed by a seed, as users and editors change them."""

from __future__ import annotations

import copy
import os
import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from wrong_configurations import NOWHERE, SECRET

INPUTS: Mapping[str, str] = {
    "config": "batch.yml",
    "gitlab_token": SECRET,
    "github_token": "ghp_right",
    "users": "users.csv",
    "limits": "limits.json",
    "mode": "PLAN_ONLY",
    "parallel_limit": "5",
    "deadline": "5h",
    "numbering": "issues-exact",
    "merge_requests": "all-as-issue",
    "visibility": "private",
    "attachments": "branch",
    "wiki": "skip",
    "mentions": "map",
}
BATCH: Mapping[str, Any] = {
    "gitlab": {"url": NOWHERE},
    "github": {"owner": "acme", "url": NOWHERE, "api_url": f"{NOWHERE}/api/v3"},
    "parallel_limit": 4,
    "naming": "project",
    "defaults": {
        "visibility": "private",
        "numbering": "compact",
        "notes": "fold",
        "confidential": "skip",
        "labels": {"type::*": "kind: *", "old": None},
        "kinds": {"milestones": "skip"},
    },
    "projects": [
        {"id": 17, "priority": 3, "target": "acme/app"},
        {"path": "group/app", "kinds": {"issues": "migrate"}, "wiki": "docs-branch"},
        18,
        "group/other",
    ],
    "groups": [{"path": "group/platform", "subgroups": True, "exclude": ["*/archive-*"]}, "group/more"],
}
FILES: Mapping[str, bytes] = {
    "batch.yml": yaml.safe_dump(dict(BATCH), sort_keys=False).encode(),
    "users.csv": b"gitlab_username,gitlab_email,github_login\nanna,anna@example.com,anna-h\nben,,\n",
    "limits.json": b'{"points": {"limit": 900, "window_s": 60}, "imports_are_content": true}\n',
}
# Letters that look like others: Cyrillic, Greek, full width.
ALIKE = str.maketrans(
    {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "c": "\u0441", "i": "\u0456", "5": "\uff15"}
)
ODD: tuple[Any, ...] = (
    None, [], {}, [[]], [None], {"a": {}}, True, False, "yes", "no", "on", "off", "y", "~", "null", "",
    " ", 0, -1, 1.5, 10**30, float("inf"), float("nan"), "1", "1e3", "0x11", "0o7", "٣", "５",
    "x" * 70_000, "\u202egnp.app", "\ufeff", "a\u0000b", "a\u0085b", "%s%n", "${{ github.token }}",
    "$(id)", "::error::x", "<!-- x -->", "2024-01-01", b"\x00\xff", "../../etc/passwd", "C:\\temp\\x",
    "acme//app", "https://u:p@h", "\U0001f4a3",
)  # fmt: skip
WORDS: tuple[str, ...] = (
    "yes", "True", "0", "-1", "05", "5.0", "+5", "5 ", "٥", "null", "none", "~", "[]", "{}", "a,b",
    "a\nb", "\u202ea", "x" * 40_000, "../x", "/etc/passwd", ".", "..", "~/x", "C:\\x", "a\tb", "\x1b[2J",
    "%0A::error::x", "::error::x", "${{ secrets.X }}", "${HOME}", "plan_only", "ＰＬＡＮ", "<b>",
    "\u0440rivate", "sha256:" + "G" * 64, "1/0", "0/3", "4/3", "3", "auto", "AUTO", "true", "false",
    "\ufeffprivate",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutated:
    """One configuration; `is_wrong` when nobody may take it, else it may be one that is right.

    `links` are symbolic links, `places` folders and pipes (`folder`, `pipe`) in the place of files.
    """

    name: str
    inputs: Mapping[str, str]
    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    is_wrong: bool = False
    doors: tuple[str, ...] = ("cli", "action")

    def put(self, folder: Path) -> None:
        """Make its files in a folder."""
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        for name, target in self.links.items():
            (folder / name).symlink_to(target)
        for name, sort in self.places.items():
            if sort == "folder":
                (folder / name).mkdir()
            else:
                os.mkfifo(folder / name)


def mutated(seed: int, count: int) -> Iterator[Mutated]:
    """So many configurations, the same ones for a seed; every way of changing one comes in turn."""
    chance = random.Random(seed)
    for number in range(count):
        way = WAYS[number % len(WAYS)]
        yield way(chance, f"{number} {way.__name__.strip('_')}")


def _with_file(name: str, file: str, data: bytes, *, is_wrong: bool = False) -> Mutated:
    return Mutated(name=name, inputs=INPUTS, files={**FILES, file: data}, is_wrong=is_wrong)


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values of a document, those of mappings and lists among them."""
    if path:
        yield path
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield from _leaves(value, (*path, key))


def _value_replaced(chance: random.Random, name: str) -> Mutated:
    tree = copy.deepcopy(dict(BATCH))
    *path, last = chance.choice(list(_leaves(tree)))
    holder: Any = tree
    for key in path:
        holder = holder[key]
    holder[last] = copy.deepcopy(chance.choice(ODD))
    shown = ".".join(str(one) for one in (*path, last))
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=chance.random() < 0.5)
    return _with_file(f"{name} {shown} {str(holder[last])[:20]!r}", "batch.yml", text.encode())


def _key_renamed(chance: random.Random, name: str) -> Mutated:
    """Every key of the file is known but those of label rules, which are patterns."""
    tree = copy.deepcopy(dict(BATCH))
    *path, last = chance.choice(
        [one for one in _leaves(tree) if isinstance(one[-1], str) and "labels" not in one[:-1]]
    )
    holder: Any = tree
    for key in path:
        holder = holder[key]
    other = chance.choice(
        (
            last.upper(), f"{last} ", f" {last}", last[:-1] or "x", f"{last}s\u200b", f"{last}\u0301",
            f"x-{last}", last.replace("_", "-") + "-", f"\u202e{last}", last + last, f"{last}\n",
        )
    )  # fmt: skip
    holder[other] = holder.pop(last)
    return _with_file(f"{name} {last} {other!r}", "batch.yml", yaml.safe_dump(tree).encode(), is_wrong=True)


def _lookalike(chance: random.Random, name: str) -> Mutated:
    """An input whose words are of a closed set, in letters that only look like them."""
    inputs = (
        "mode",
        "numbering",
        "visibility",
        "attachments",
        "wiki",
        "mentions",
        "merge_requests",
        "parallel_limit",
    )
    given = chance.choice(inputs)
    word = INPUTS[given].lower().translate(ALIKE)
    return Mutated(name=f"{name} {given}", inputs={**INPUTS, given: word}, files=FILES, is_wrong=True)


def _input_replaced(chance: random.Random, name: str) -> Mutated:
    given = chance.choice(
        (*INPUTS, "shard", "shards", "approved_plan", "resume_from", "accept_source_changes", "work_dir",
         "from_export", "rate_limit_file", "target_owner", "gitlab_url", "github_url", "github_api_url",
         "source_after", "allow_public_artifacts", "confirm", "project_ids", "github_app_id",
         "github_app_installation_id", "artifact_name")
    )  # fmt: skip
    word = chance.choice(WORDS)
    doors = ("action",) if given == "confirm" else ("cli", "action")
    inputs = {**INPUTS, given: word}
    return Mutated(name=f"{name} {given} {word[:20]!r}", inputs=inputs, files=FILES, doors=doors)


def _input_misspelt(chance: random.Random, name: str) -> Mutated:
    given = chance.choice([one for one in INPUTS if "token" not in one])
    place = chance.randrange(1, len(given))
    other = chance.choice(
        (given[:place] + given[place + 1 :], given[:place] + "x" + given[place:], given + "_2")
    )
    inputs = {**{key: value for key, value in INPUTS.items() if key != given}, other: INPUTS[given]}
    return Mutated(name=f"{name} {other}", inputs=inputs, files=FILES, is_wrong=other not in INPUTS)


def _sign_put_in(chance: random.Random, name: str) -> Mutated:
    """A control sign anywhere in the batch file: no YAML holds one."""
    data = FILES["batch.yml"]
    place, sign = chance.randrange(len(data)), bytes([chance.choice((0, 1, 7, 8, 11, 12, 14, 27, 31, 127))])
    return _with_file(f"{name} {sign!r}", "batch.yml", data[:place] + sign + data[place:], is_wrong=True)


def _sign_in_table(chance: random.Random, name: str) -> Mutated:
    file = chance.choice(("users.csv", "limits.json"))
    data = FILES[file]
    place, sign = (
        chance.randrange(len(data)),
        chance.choice((b"\0", b"\x1b", b"\xff", b'"', b"\r", b"\xe2\x80\xae", b";")),
    )
    return _with_file(f"{name} {file} {sign!r}", file, data[:place] + sign + data[place:])


def _other_encoding(chance: random.Random, name: str) -> Mutated:
    """A text of another encoding than UTF-8, in which every letter has another byte, or two."""
    codec = chance.choice(("utf-16", "utf-16-be", "utf-32", "cp037", "utf-7-umlaut", "latin-1-umlaut"))
    text = FILES["batch.yml"].decode()
    if codec.endswith("-umlaut"):
        codec, text = "latin-1", text + "# \u00fc\u00e4\u00f6\n"
    return _with_file(f"{name} {codec}", "batch.yml", text.encode(codec), is_wrong=True)


def _file_dressed(chance: random.Random, name: str) -> Mutated:
    """What editors of Windows do to a file; it stays right."""
    file = chance.choice(list(FILES))
    data = FILES[file]
    if chance.random() < 0.7:
        data = data.replace(b"\n", b"\r\n")
    if chance.random() < 0.5:
        data = b"\xef\xbb\xbf" + data
    return _with_file(f"{name} {file}", file, data + b"\n" * chance.randrange(4))


def _file_cut(chance: random.Random, name: str) -> Mutated:
    file = chance.choice(list(FILES))
    place = chance.randrange(len(FILES[file]))
    return _with_file(f"{name} {file} {place}", file, FILES[file][:place])


def _bytes_changed(chance: random.Random, name: str) -> Mutated:
    file = chance.choice(list(FILES))
    data = bytearray(FILES[file])
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return _with_file(f"{name} {file}", file, bytes(data))


def _bomb(chance: random.Random, name: str) -> Mutated:
    """YAML that unfolds, nests or repeats without end, or asks for objects of Python."""
    width, depth = chance.randrange(5, 12), chance.randrange(6, 10)
    levels = "".join(
        f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * width)}]\n" for level in range(1, depth)
    )
    letters = "".join(chance.choice(string.ascii_lowercase) for _ in range(5))
    text = chance.choice(
        (
            f"a0: &a0 [{','.join(['1'] * width)}]\n{levels}",
            "projects: " + "[" * 10 ** chance.randrange(2, 5),
            "{" * 500 + letters,
            f"projects: &{letters} {{id: *{letters}}}",
            f"x: &x {{<<: *x}}\n{letters}: *x",
            "projects: [{id: 17, <<: {id: 18}}]\nprojects: []",
            f"!!python/object/apply:os.system [{letters}]",
            f"projects: !!{letters} [17]",
            f"--- {letters}\n--- {letters}\n",
            "? " * 300 + letters,
            f"projects: [17]\n'projects': [{chance.randrange(99)}]",
            f"%YAML 9.9\n--- {letters}",
        )
    )
    return _with_file(f"{name} {text[:20]!r}", "batch.yml", text.encode(), is_wrong=True)


def _binary(chance: random.Random, name: str) -> Mutated:
    file = chance.choice(list(FILES))
    head = chance.choice(
        (b"\x7fELF", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08", b"%PDF-1.7\n%\xe2")
    )
    return _with_file(f"{name} {file}", file, head + chance.randbytes(200), is_wrong=True)


def _listed_twice(chance: random.Random, name: str) -> Mutated:
    tree = copy.deepcopy(dict(BATCH))
    again = chance.choice(({"id": 17}, 17, "Group/App", {"path": "GROUP/OTHER"}, 18))
    tree["projects"].insert(chance.randrange(5), again)
    return _with_file(f"{name} {again}", "batch.yml", yaml.safe_dump(tree).encode(), is_wrong=True)


def _no_file(chance: random.Random, name: str) -> Mutated:
    """A folder, a broken link, a link to itself, or nothing where a file belongs."""
    file = chance.choice(list(FILES))
    files = {key: data for key, data in FILES.items() if key != file}
    sort = chance.choice(("folder", "broken", "loop", "gone"))
    links = {"broken": {file: "nowhere/at-all"}, "loop": {file: file}}.get(sort, {})
    places = {file: "folder"} if sort == "folder" else {}
    return Mutated(
        name=f"{name} {file} {sort}", inputs=INPUTS, files=files, links=links, places=places, is_wrong=True
    )


def _out_of_the_workspace(chance: random.Random, name: str) -> Mutated:
    """What the Action must not follow: the command line may, on a machine that is its user's own."""
    named = {"batch.yml": "config", "users.csv": "users", "limits.json": "limits"}
    file = chance.choice(list(FILES))
    files = {key: data for key, data in FILES.items() if key != file}
    target = chance.choice(
        ("/etc/passwd", "/proc/self/environ", "../../../../etc/hostname", "/dev/zero", "/dev/null")
    )
    more: dict[str, Any] = {"is_wrong": True, "doors": ("action",)}
    match chance.randrange(4):
        case 0:
            return Mutated(
                name=f"{name} link {file}", inputs=INPUTS, files=files, links={file: target}, **more
            )
        case 1:
            inputs = {**INPUTS, named[file]: target}
            return Mutated(name=f"{name} {named[file]} {target}", inputs=inputs, files=FILES, **more)
        case 2:
            return Mutated(
                name=f"{name} pipe {file}", inputs=INPUTS, files=files, places={file: "pipe"}, **more
            )
        case _:
            given = chance.choice(("work_dir", "rate_limit_file", "from_export"))
            # An absolute path of the rate-limit file is right: it may lie on a volume that machines share.
            absolute = () if given == "rate_limit_file" else ("/tmp/elsewhere", "/")
            word = chance.choice(("..", "../..", "a/../../b", *absolute))
            return Mutated(name=f"{name} {given} {word}", inputs={**INPUTS, given: word}, files=FILES, **more)


def _named_outside(chance: random.Random, name: str) -> Mutated:
    """A batch file that names files outside of the workspace."""
    tree = copy.deepcopy(dict(BATCH))
    key = chance.choice(("users", "from_export", "projects"))
    tree[key] = chance.choice(("/etc/passwd", "../../x", "/proc/self/environ"))
    if key == "projects":
        tree[key] += ".csv"
    inputs = {one: value for one, value in INPUTS.items() if one != "users"}
    text = yaml.safe_dump(tree).encode()
    files = {**FILES, "batch.yml": text}
    return Mutated(name=f"{name} {key}", inputs=inputs, files=files, is_wrong=True, doors=("action",))


WAYS: tuple[Callable[[random.Random, str], Mutated], ...] = (
    _value_replaced, _key_renamed, _lookalike, _input_replaced, _input_misspelt, _sign_put_in, _sign_in_table,
    _other_encoding, _file_dressed, _file_cut, _bytes_changed, _bomb, _binary, _listed_twice, _no_file,
    _out_of_the_workspace, _named_outside, _value_replaced, _input_replaced, _value_replaced, _input_replaced,
)  # fmt: skip
