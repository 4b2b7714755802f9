"""Configurations that no batch can have: what is wrong, and the words that its message must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SECRET = "glpat-never-to-be-seen"
# Nobody listens there: a configuration that were taken would end in failed projects, and not in exit code 2.
NOWHERE = "http://127.0.0.1:9"
RIGHT: Mapping[str, str] = {
    "project_ids": "17",
    "gitlab_url": NOWHERE,
    "gitlab_token": "glpat-right",
    "github_url": NOWHERE,
    "github_token": "ghp_right",
    "target_owner": "acme",
}
BOTH = ("cli", "action")
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One wrong configuration: inputs over the right ones (empty: left out), files, words of its message."""

    name: str
    inputs: Mapping[str, str]
    words: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    doors: tuple[str, ...] = BOTH


HOSTILE = {
    "control": "\x1b[31mred\x07\x9b",
    "command": "::add-mask::x",
    "old-command": "x ##[add-mask]y",
    "lines": "a\r\n::error::b\n::set-output name=status::success",
    "percent": "%0A::error::x%25",
    "markup": "</code><b>|`x`|<!-- @octocat",
    "quotes": "'\"\\{}$(id)",
    "hidden": "\u202egnp\u200b\ufeff",
    "no-text": "a\udcffb",
    "long": "x" * 100_000,
}
# Inputs that take no text of anybody's own, and those that name a file which is not there.
HELD = (
    "mode", "parallel_limit", "resume_from", "gitlab_url", "github_url", "github_api_url", "target_owner",
    "deadline", "approved_plan", "numbering", "merge_requests", "visibility", "project_ids", "config",
    "users", "limits", "github_app_id",
)  # fmt: skip

VALUES: Mapping[str, tuple[str, ...]] = {
    "mode": ("PLAN", "plan_only", "DRY_RUN", "FULL,APPLY", "0", "true"),
    "parallel_limit": ("0", "21", "-1", "1.5", "five", "1e1", "9" * 30, "9" * 5000, "0x5", "5,6", "٥"),
    "resume_from": ("apply", "verify", "Plan", "planning", "plan,export"),
    "gitlab_url": (
        "gitlab.com", "ftp://host", "https://", "https:///path", "https://host/?q=1", "https://host#f",
        "https://ho st", "https://host:port", "http://host:99999", "https://[::1", "//host", "javascript:1",
        "https://\\host", "https://hÖst", f"https://user:{SECRET}@host",
    ),
    "github_url": ("github.com", f"https://{SECRET}@github.com", "ssh://git@github.com"),
    "github_api_url": ("api.github.com", "https://api.github.com?x"),
    "target_owner": ("acme/app", "ac me", "-acme", "a" * 41, "acme!", "https://github.com/acme", "@acme"),
    "project_ids": (
        "app", "group//app", "/", "https://gitlab.com/g/a", "0", "-1", "1.5", "1;2", ",", " ,\n, ", "17,17",
        "g/a,G/A", "17 18", "group/ap p", "g/../a", "./a", "9" * 30, "9" * 5000, "g/a?x=1", "#17", "g/a#1",
        "*", "g/*", "17,app", "g/\u00e4",
    ),
    "numbering": ("exact", "issues_exact", "Compact"),
    "merge_requests": ("issues", "open_as_pull_request", "all"),
    "visibility": ("secret", "\u0440rivate", "Private", "private,public"),
    "deadline": (
        "0", "0h0m", "-5m", "5x", "1.5h", "h", "5h30", "m5", "5 hours", "1d", "PT5H", "9" * 30, "٣h",
    ),
    "approved_plan": ("abc", "sha256:", "g" * 64, "a" * 63, "a" * 64),
    "accept_source_changes": ("yes", "1", "TRUE!"),
    "allow_public_artifacts": ("no", "truthy"),
    "artifact_name": ("a/b", "a:b", "plan?", "x" * 300, "*"),
    "config": ("missing.yml", ".", "../../../../../../etc/shadow-not-there", "a/b/c.yml"),
    "users": ("missing.csv", "."),
    "limits": ("missing.json", "."),
    "gitlab_token": (f"{SECRET} {SECRET}", f"{SECRET}\nX-Other: 1", f"{SECRET}\u00e9", SECRET * 500),
    "github_token": (f"{SECRET}\t{SECRET}", f"{SECRET}\r\n{SECRET}"),
}  # fmt: skip

TOGETHER: tuple[Wrong, ...] = (
    Wrong(name="no gitlab token", inputs={"gitlab_token": ""}, words=("gitlab_token", "GITLAB_TOKEN")),
    Wrong(name="no github token", inputs={"github_token": ""}, words=("github_token", "GH_TOKEN")),
    Wrong(name="blank token", inputs={"github_token": " \n "}, words=("github_token",)),
    Wrong(name="no owner", inputs={"target_owner": ""}, words=("target_owner",)),
    Wrong(name="no projects", inputs={"project_ids": ""}, words=("project_ids", "batch file")),
    Wrong(
        name="nothing to apply",
        inputs={"project_ids": "", "mode": "APPLY"},
        words=("project_ids", "batch file"),
    ),
    Wrong(
        name="app without key",
        inputs={"github_token": "", "github_app_id": "7"},
        words=("github_app_private_key", "github_app_installation_id"),
    ),
    Wrong(
        name="app without installation",
        inputs={"github_token": "", "github_app_id": "7", "github_app_private_key": PEM},
        words=("github_app_installation_id",),
    ),
    Wrong(
        name="installation without app",
        inputs={"github_app_installation_id": "7"},
        words=("github_app_id",),
    ),
    Wrong(
        name="app key is none",
        inputs={
            "github_token": "",
            "github_app_id": "7",
            "github_app_private_key": SECRET,
            "github_app_installation_id": "8",
        },
        words=("github_app_private_key", "PEM"),
    ),
    Wrong(
        name="installation is none",
        inputs={
            "github_token": "",
            "github_app_id": "7",
            "github_app_private_key": PEM,
            "github_app_installation_id": "mine",
        },
        words=("github_app_installation_id", "whole number"),
    ),
    Wrong(
        name="installation below one",
        inputs={
            "github_token": "",
            "github_app_id": "7",
            "github_app_private_key": PEM,
            "github_app_installation_id": "-3",
        },
        words=("github_app_installation_id",),
    ),
    Wrong(
        name="app and token",
        inputs={
            "github_app_id": "7",
            "github_app_private_key": PEM,
            "github_app_installation_id": "8",
        },
        words=("github_token", "App"),
        doors=("action",),
    ),
    Wrong(
        name="resume outside of apply",
        inputs={"mode": "APPLY", "resume_from": "discovery"},
        words=("resume_from", "apply, verify"),
    ),
    Wrong(
        name="approval without review",
        inputs={"mode": "FULL", "approved_plan": "a" * 64},
        words=("approved_plan", "APPLY"),
    ),
    Wrong(
        name="work directory is a file",
        inputs={"work_dir": "taken"},
        files={"taken": b"x"},
        words=("work_dir", "folder"),
    ),
    Wrong(name="work directory too long", inputs={"work_dir": "d" * 5000}, words=("work_dir", "folder")),
    Wrong(name="work directory hostile", inputs={"work_dir": "a\n::error::b"}, words=("work_dir", "path")),
    Wrong(name="unknown input", inputs={"projct_ids": "17"}, words=("Did you mean", "project")),
    Wrong(name="unknown input far", inputs={"zzz": "17"}, words=("zzz",)),
    Wrong(name="unknown input hostile", inputs={"a::error::b": "17"}, words=("README",), doors=("action",)),
    Wrong(name="secret misspelt", inputs={"gitlab_tokn": SECRET}, words=("gitlab_token",), doors=("action",)),
    Wrong(name="token as a flag", inputs={"gitlab_token ": SECRET}, words=("GITLAB_TOKEN",), doors=("cli",)),
    Wrong(
        name="both spellings",
        inputs={"target-owner": "other"},
        words=("target_owner", "twice"),
        doors=("action",),
    ),
    Wrong(name="command unknown", inputs={"command": "rnu"}, words=("command", "run"), doors=("action",)),
    Wrong(name="command hostile", inputs={"command": "x\n::error::y"}, words=("command",), doors=("action",)),
    Wrong(
        name="two lists",
        inputs={"config": "batch.yml"},
        files={"batch.yml": b"projects: [18]"},
        words=("project_ids", "one of the two lists"),
    ),
    Wrong(
        name="two lists, groups",
        inputs={"config": "batch.yml"},
        files={"batch.yml": b"groups: [acme]"},
        words=("project_ids", "one of the two lists"),
    ),
)

# Addresses as they are pasted from a git remote, a password with anything in it.
_PASTED = (
    f"http://oauth2:{SECRET}@host/acme/app", f"https://{SECRET}@host/acme/app.git",
    f"oauth2:{SECRET}@host/acme/app", f"https://anna:p/a,{SECRET}@host/acme/app", f"git@{SECRET}:acme/app",
)  # fmt: skip
_PRIVATE = "credentials do not belong into addresses"
TOGETHER += tuple(
    Wrong(name=f"{name} pasted #{number}", inputs={name: text}, words=(name, _PRIVATE))
    for name in ("project_ids", "target_owner", "gitlab_url", "github_url", "github_api_url")
    for number, text in enumerate(_PASTED)
)
TOGETHER += (
    Wrong(name="a token for a project", inputs={"project_ids": SECRET}, words=("project_ids", "'***'")),
    Wrong(
        name="a token in a query",
        inputs={"project_ids": f"https://host/a/b?private_token={SECRET}"},
        words=("project_ids", "private_token=***"),
    ),
)

# Batch files: text, and words of the message. The inputs name no project and no owner.
FILES: Mapping[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("batch file", "empty")),
    "only a comment": ("# nothing\n", ("batch file", "empty")),
    "a list": ("- 17", ("batch file", "a list")),
    "a text": ("17, 18", ("batch file",)),
    "a number": ("17", ("batch file", "17")),
    "no yaml": ("projects: [17", ("batch.yml", "line")),
    "tab": ("projects:\n\t- 17", ("line 2", "\\t")),
    "two documents": ("a: 1\n---\nb: 2", ("document",)),
    "not utf-8": (b"projects: [\xff\xfe]", ("UTF-8",)),
    "utf-16": ("projects: [17]".encode("utf-16"), ("UTF-8",)),
    "binary": (bytes(range(256)), ("batch.yml",)),
    "null sign": ("projects: [17]\0", ("U+0000",)),
    "escape sign": ("projects: ['\x1b[31m']", ("U+001B",)),
    "too large": (b"# " + b"x" * (1 << 20), ("1 MiB",)),
    "depth bomb": ("[" * 100_000, ("deep",)),
    "depth bomb of mappings": ("{a: " * 200 + "}" * 200, ("deep",)),
    "aliases": ("a: &a [1]\nb: [" + "*a, " * 200 + "]", ("aliases",)),
    "alias bomb": (
        "a: &a [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)),
        ("aliases",),
    ),
    "alias of itself": ("projects: &a [*a]", ("alias",)),
    "alias unknown": ("projects: *nobody", ("nobody",)),
    "key twice": ("projects: [17]\nprojects: [18]", ("projects", "twice")),
    "key twice inside": ("projects: [{id: 17, id: 18}]", ("'id'", "twice")),
    "key is a list": ("? [a]\n: 1", ("line 1",)),
    "python tag": ("!!python/object/apply:os.system ['true']", ("line 1",)),
    "bool tag": ("mode: !!bool maybe", ("quotes",)),
    "int tag": ("projects: [!!int x]", ("quotes",)),
    "timestamp tag": ("mode: !!timestamp x", ("quotes",)),
    "huge number": ("projects: [" + "9" * 5000 + "]", ("quotes",)),
    "unknown key": ("projcts: [17]", ("'projcts'", "'projects'")),
    "unknown key far": ("zzzz: 1", ("'zzzz'", "Known keys", "projects")),
    "unknown key, a number": ("17: {}", ("17", "Known keys")),
    "unknown key, nothing": ("null: 1", ("nothing",)),
    "unknown key of gitlab": ("gitlab: {ulr: x}", ("'ulr'", "gitlab", "'url'")),
    "token in the file": (f"gitlab: {{token: {SECRET}}}", ("'token'", "gitlab")),
    "address of a project": (f"projects: ['{_PASTED[0]}']", ("projects[0].path", _PRIVATE)),
    "address of a group": (f"groups: ['{_PASTED[3]}']", ("groups[0].path", _PRIVATE)),
    "address of a target": (
        f"projects: [{{id: 17, target: '{_PASTED[1]}'}}]",
        ("projects[0]", "target", _PRIVATE),
    ),
    "address of an owner": (f"github: {{owner: '{_PASTED[2]}'}}\nprojects: [17]", ("owner", _PRIVATE)),
    "address of gitlab alone": (f"gitlab: '{_PASTED[3]}'", ("gitlab", "//***@host")),
    "address as a key": (f"? '{_PASTED[3]}'\n: 1", ("//***@host",)),
    "address as a key twice": (f"'{_PASTED[3]}': 1\n'{_PASTED[3]}': 1", ("//***@host", "twice")),
    "unknown key of github": ("github: {onwer: x}", ("'onwer'", "'owner'")),
    "unknown key of defaults": ("defaults: {visibilty: private}", ("'visibilty'", "'visibility'")),
    "unknown key of a project": ("projects: [{id: 17, taget: a/b}]", ("'taget'", "projects[0]", "'target'")),
    "unknown key of the second": ("projects: [17, {id: 18, priorty: 1}]", ("projects[1]", "'priority'")),
    "unknown key of a group": ("groups: [{path: acme, exclud: []}]", ("groups[0]", "'exclude'")),
    "unknown key, hostile": ('"::error::x\\n##[error]y": 1', ("batch file",)),
    "unknown key, long": ("k" * 900 + ": 1", ("batch file",)),
    "gitlab is a text": ("gitlab: https://gitlab.com", ("gitlab", "mapping")),
    "gitlab is false": ("gitlab: false", ("gitlab", "mapping")),
    "github is a list": ("github: []", ("github", "mapping")),
    "defaults is a number": ("defaults: 0", ("defaults", "mapping")),
    "gitlab url is a number": ("gitlab: {url: 5}", ("gitlab.url", "quotes")),
    "gitlab url is a list": ("gitlab: {url: [a]}", ("gitlab.url", "a list")),
    "github address is wrong": ("github: {owner: a, api_url: api.github.com}", ("github_api_url",)),
    "owner is a mapping": ("github: {owner: {name: acme}}", ("github.owner", "a mapping")),
    "owner is wrong": ("github: {owner: a/b}\nprojects: [17]", ("target_owner", "'a/b'")),
    "no owner": ("projects: [17]", ("target_owner", "owner")),
    "no owner for a group": ("groups: [acme]", ("target_owner",)),
    "no owner for one": ("projects: [{id: 17, target: a/b}, 18]", ("target_owner",)),
    "mode is wrong": ("mode: PLAN", ("mode", "'PLAN'")),
    "mode is a number": ("mode: 1", ("mode", "quotes")),
    "parallel limit is a text": (
        "github: {owner: a}\nparallel_limit: '5'\nprojects: [17]",
        ("parallel_limit",),
    ),
    "parallel limit is true": (
        "github: {owner: a}\nparallel_limit: true\nprojects: [17]",
        ("parallel_limit",),
    ),
    "parallel limit is 1.5": ("github: {owner: a}\nparallel_limit: 1.5\nprojects: [17]", ("parallel_limit",)),
    "parallel limit is 0": ("github: {owner: a}\nparallel_limit: 0\nprojects: [17]", ("parallel_limit",)),
    "parallel limit is a list": (
        "github: {owner: a}\nparallel_limit: []\nprojects: [17]",
        ("parallel_limit",),
    ),
    "users is a list": ("users: [a]", ("users", "quotes")),
    "users has an unknown key": ("users: {path: a.csv}", ("users", "'path'", "pattern")),
    "users has a wrong pattern": ("users: {pattern: acme}", ("users", "'acme'", "{username}_acme")),
    "users has a number for a pattern": ("users: {pattern: [5]}", ("users.pattern", "quotes")),
    "users has two files": ('users: "a.csv\\nb.csv"', ("users", "'a.csv'", "'b.csv'")),
    "mentions is wrong": ("defaults: {mentions: none}", ("defaults", "mentions", "neutralise")),
    "users is not there": ("github: {owner: a}\nusers: nobody.csv\nprojects: [17]", ("users", "nobody.csv")),
    "users is a hostile path": ('users: "a\\0b"', ("users", "path")),
    "naming is wrong": ("naming: fullpath\nprojects: [17]", ("naming", "full-path")),
    "naming is a list": ("naming: [project]", ("naming",)),
    "no projects": ("github: {owner: acme}", ("project_ids",)),
    "projects empty": ("github: {owner: acme}\nprojects: []\ngroups: []", ("project_ids",)),
    "projects is a mapping": ("projects: {id: 17}", ("projects", "hyphen")),
    "projects is a number": ("projects: 17", ("projects", "hyphen")),
    "project is nothing": ("projects: [null]", ("projects[0]",)),
    "project is true": ("projects: [true]", ("projects[0]",)),
    "project is a list": ("projects: [[17]]", ("projects[0]",)),
    "project without a name": ("projects: [{target: a/b}]", ("projects[0]", "`id` or `path`")),
    "project with id and path": ("projects: [{id: 17, path: g/a}]", ("projects[0]", "`id` or `path`")),
    "id is a text": ("projects: [{id: '17'}]", ("projects[0].id", "quotes")),
    "id is nothing": ("projects: [{id: }]", ("projects[0].id",)),
    "id is true": ("projects: [{id: true}]", ("projects[0].id",)),
    "id is a part": ("projects: [{id: 1.5}]", ("projects[0].id",)),
    "id is zero": ("projects: [0]", ("projects[0]", "Ids begin with 1")),
    "id is negative": ("projects: [{id: -17}]", ("projects[0]",)),
    "id is infinite": ("projects: [{id: .inf}]", ("projects[0].id",)),
    "path is a number": ("projects: [{path: 17}]", ("projects[0].path", "`id`")),
    "path is a list": ("projects: [{path: [g, a]}]", ("projects[0].path",)),
    "path without a group": ("projects: [{path: app}]", ("projects[0].path",)),
    "path is an address": ("projects: [{path: 'https://gitlab.com/g/a'}]", ("projects[0]", "full path")),
    "path leads away": ("projects: [{path: ../../etc/passwd}]", ("projects[0]", "full path")),
    "path is hostile": ('projects: [{path: "g/a\\n::error::x"}]', ("projects[0]", "full path")),
    "path is long": ("projects: [{path: g/" + "a" * 5000 + "}]", ("projects[0]", "full path")),
    "listed twice": (
        "github: {owner: a}\nprojects: [17, 18, {id: 17}]",
        ("projects[0]", "projects[2]", "twice"),
    ),
    "listed twice by path": (
        "github: {owner: a}\nprojects: [g/a, G/A]",
        ("projects[0]", "projects[1]", "twice"),
    ),
    "target without owner": ("projects: [{id: 17, target: app}]", ("projects[0]", "target", "owner/name")),
    "target is a number": ("projects: [{id: 17, target: 5}]", ("projects[0]", "target")),
    "target has three parts": ("projects: [{id: 17, target: a/b/c}]", ("projects[0]", "target")),
    "target ends in .git": ("projects: [{id: 17, target: a/b.git}]", ("projects[0]", "target")),
    "target has an umlaut": ("projects: [{id: 17, target: a/ä}]", ("projects[0]", "target")),
    "target is long": ("projects: [{id: 17, target: a/" + "b" * 101 + "}]", ("projects[0]", "target")),
    "target is hostile": ('projects: [{id: 17, target: "::error::/##[error]"}]', ("projects[0]", "target")),
    "priority is a text": ("projects: [{id: 17, priority: high}]", ("projects[0]", "priority", "digits")),
    "priority is true": ("projects: [{id: 17, priority: true}]", ("projects[0]", "priority")),
    "priority is 1.5": ("projects: [{id: 17, priority: 1.5}]", ("projects[0]", "priority")),
    "priority is infinite": ("projects: [{id: 17, priority: .inf}]", ("projects[0]", "priority")),
    "priority is a list": ("projects: [{id: 17, priority: []}]", ("projects[0]", "priority")),
    "visibility is wrong": (
        "projects: [{id: 17, visibility: secret}]",
        ("projects[0]", "visibility", "private"),
    ),
    "visibility is a list": ("projects: [{id: 17, visibility: [private]}]", ("projects[0]", "visibility")),
    "visibility is false": ("defaults: {visibility: no}", ("defaults", "visibility")),
    "numbering is wrong": ("defaults: {numbering: issues}", ("defaults", "numbering", "issues-exact")),
    "merge requests is wrong": ("defaults: {merge_requests: 5}", ("defaults", "merge_requests")),
    "confidential is wrong": ("projects: [{id: 17, confidential: show}]", ("projects[0]", "confidential")),
    "placeholders is wrong": ("groups: [{path: g, placeholders: remove}]", ("groups[0]", "placeholders")),
    "system notes is wrong": ("defaults: {system_notes: keep}", ("defaults", "system_notes", "timeline")),
    "issue details is wrong": ("projects: [{id: 17, issue_details: many}]", ("issue_details", "counted")),
    "labels is a list": ("projects: [{id: 17, labels: [a]}]", ("projects[0]", "labels", "mapping")),
    "label rule is a number": ("defaults: {labels: {a: 5}}", ("defaults", "labels", "'a'", "null")),
    "label rule without a pattern": ('defaults: {labels: {" ": b}}', ("defaults", "labels", "pattern")),
    "label rule with too much": ('defaults: {labels: {"a*": "**"}}', ("labels", "'a*'", "asterisks")),
    "label rule with three": ('defaults: {labels: {"*a*b*": b}}', ("labels", "'*a*b*'", "asterisks")),
    "label rule with a control sign": (
        'defaults: {labels: {a: "b\\x01"}}',
        ("defaults", "labels", "no name"),
    ),
    "label rule with a long name": (
        "defaults: {labels: {a: " + "b" * 51 + "}}",
        ("labels", "51", "at most 50"),
    ),
    "label rule is empty": ('defaults: {labels: {a: ""}}', ("defaults", "labels", "null drops")),
    "confidential in public": (
        "projects: [{id: 17, visibility: public, confidential: include}]",
        ("projects[0]", "confidential", "public", "skip"),
    ),
    "issues via is wrong": ("defaults: {issues_via: graphql}", ("defaults", "issues_via", "import")),
    "issues via is a list": ("defaults: {issues_via: [import]}", ("defaults", "issues_via")),
    "issues via is false": ("defaults: {issues_via: false}", ("defaults", "issues_via")),
    "kinds is a list": ("projects: [{id: 17, kinds: [issues]}]", ("projects[0]", "kinds", "mapping")),
    "kinds is a text": ("defaults: {kinds: none}", ("defaults", "kinds")),
    "kind unknown": ("projects: [{id: 17, kinds: {isues: skip}}]", ("projects[0]", "'isues'", "'issues'")),
    "kind is a number": ("projects: [{id: 17, kinds: {5: skip}}]", ("projects[0]", "kinds")),
    "kind is a list": ("projects: [{id: 17, kinds: {issues: [skip]}}]", ("projects[0]", "kinds.issues")),
    "kind is false": ("projects: [{id: 17, kinds: {issues: no}}]", ("projects[0]", "kinds.issues", "skip")),
    "kind not carried": ("projects: [{id: 17, kinds: {badges: migrate}}]", ("kinds.badges", "loss")),
    "credentials is a text": ("github: {credentials: GH_TOKEN}", ("github.credentials", "hyphen")),
    "credential is a text": ("github: {credentials: [GH_TOKEN]}", ("github.credentials[0]", "mapping")),
    "credential holds a token": (
        "github: {credentials: [{token: ghp_x}]}",
        ("github.credentials[0]", "'token'", "token_env"),
    ),
    "credential is nothing": ("github: {credentials: [{owner: a}]}", ("github.credentials[0]", "token")),
    "credential without its variable": (
        "github: {credentials: [{token_env: NOT_THERE}]}",
        ("github.credentials[0].token_env", "NOT_THERE", "`env`"),
    ),
    "credential with a list for a variable": (
        "github: {credentials: [{token_env: []}]}",
        ("github.credentials[0].token_env",),
    ),
    "groups is a text": ("groups: acme", ("groups", "hyphen")),
    "group without path": ("groups: [{subgroups: true}]", ("groups[0].path",)),
    "group path is a number": ("groups: [{path: 5}]", ("groups[0].path",)),
    "group path is hostile": ('groups: ["../x y"]', ("groups[0].path",)),
    "group is nothing": ("groups: [~]", ("groups[0]",)),
    "subgroups is a text": (
        "groups: [{path: g, subgroups: 'yes'}]",
        ("groups[0].subgroups", "true or false"),
    ),
    "exclude is a text": ("groups: [{path: g, exclude: '*/x'}]", ("groups[0].exclude", "list")),
    "exclude is false": ("groups: [{path: g, exclude: false}]", ("groups[0].exclude", "list")),
    "exclude holds numbers": ("groups: [{path: g, exclude: [5]}]", ("groups[0].exclude", "patterns")),
}

LIMITS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "a list": ("[1]", ("limits", "classes")),
    "empty": ("", ("limits",)),
    "class unknown": ("{pionts: {limit: 1, window_s: 1}}", ("limits", "'pionts'", "points")),
    "limit missing": ("{points: {window_s: 60}}", ("limits.points", "limit")),
    "limit is zero": ("{points: {limit: 0, window_s: 60}}", ("limits.points", "whole number")),
    "limit is a text": ("{points: {limit: many, window_s: 60}}", ("limits.points",)),
    "window missing": ("{points: {limit: 5}}", ("limits.points", "window_s")),
    "window is infinite": ("{points: {limit: 5, window_s: .inf}}", ("limits.points", "window_s")),
    "window is no number": ("{points: {limit: 5, window_s: .nan}}", ("limits.points", "window_s")),
    "key unknown": ("{points: {limt: 5}}", ("limits.points", "'limt'")),
    "number for a mapping": ("{points: 900}", ("limits.points",)),
    "no yes or no": ("{imports_are_content: 1}", ("limits.imports_are_content", "true")),
    "window where there is none": ("{concurrency: {limit: 5, window_s: 1}}", ("limits.concurrency",)),
    "no yaml": ("{points:", ("limits", "line")),
}

USERS: Mapping[str, tuple[str | bytes, tuple[str, ...]]] = {
    "users.csv": ("gitlab_username|github_login\na|b\n", ("users", "line 1")),
    "empty.csv": ("", ("users", "empty.csv")),
    "twice.csv": ("gitlab_username,github_login\na,b\nA,c\n", ("users", "line 3", "line 2")),
    "hostile.csv": ("gitlab_username,github_login\n::error::x,b\n", ("users", "line 2")),
    "latin.csv": (b"gitlab_username,github_login\n\xe4,b\n", ("users", "UTF-8")),
    "users.yml": ("anna: [a, b]", ("users", "line 1")),
}


def all_wrong() -> Iterator[Wrong]:
    """The whole table."""
    for name in HELD:
        for sort, text in HOSTILE.items():
            if name == "github_app_id":
                yield Wrong(
                    name=f"{name} {sort}", inputs={name: text, "github_token": ""}, words=("github_app",)
                )
            else:
                yield Wrong(name=f"{name} {sort}", inputs={name: text}, words=(name,))
    for name, values in VALUES.items():
        for number, text in enumerate(values):
            yield Wrong(name=f"{name} #{number}", inputs={name: text}, words=(name,))
    yield from TOGETHER
    no_list = {"project_ids": "", "target_owner": "", "config": "batch.yml"}
    for name, (text, words) in FILES.items():
        yield Wrong(name=f"file: {name}", inputs=no_list, files={"batch.yml": _bytes(text)}, words=words)
    for name, (text, words) in LIMITS.items():
        yield Wrong(
            name=f"limits: {name}",
            inputs={"limits": "limits.json"},
            files={"limits.json": text.encode()},
            words=words,
        )
    for name, (text, words) in USERS.items():
        yield Wrong(name=f"users: {name}", inputs={"users": name}, files={name: _bytes(text)}, words=words)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
