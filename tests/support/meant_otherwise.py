"""Configurations that are right in form and cannot be meant: what a newcomer writes in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wrong_configurations import Wrong

_APP = {"github_token": "", "github_app_id": "7", "github_app_installation_id": "8"}
_NO_KEY = "-----BEGIN {0}-----\nMIIEpAIBAAKCAQEA\n-----END {0}-----"

INPUTS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "gitlab's API": ({"gitlab_url": "https://git.acme.org/api/v4"}, ("gitlab_url", "https://git.acme.org.")),
    "a project of gitlab.com": ({"gitlab_url": "https://gitlab.com/g/a"}, ("gitlab_url", "project_ids")),
    "GitHub for GitLab": ({"gitlab_url": "https://github.com"}, ("gitlab_url", "GitHub")),
    "GitHub's API for GitLab": ({"gitlab_url": "https://API.github.com"}, ("gitlab_url", "GitHub")),
    "GitLab for GitHub": ({"github_url": "https://gitlab.com"}, ("github_url", "GitLab")),
    "the API for GitHub": ({"github_url": "https://api.github.com"}, ("github_url", "https://github.com.")),
    "an organisation's page": ({"github_url": "https://github.com/acme"}, ("github_url", "target_owner")),
    "the API of an enterprise": (
        {"github_url": "https://git.acme.org/api/v3"},
        ("github_url", "https://git.acme.org."),
    ),
    "GraphQL": (
        {"github_url": "", "github_api_url": "https://api.github.com/graphql"},
        ("github_api_url", "https://api.github.com."),
    ),
    "no API": (
        {"github_url": "", "github_api_url": "https://github.com"},
        ("github_api_url", "https://api.github.com."),
    ),
    "a secret's name": ({"gitlab_token": "secrets.GITLAB_TOKEN"}, ("gitlab_token", "${{ secrets.NAME }}")),
    "the token's name": ({"github_token": "github.token"}, ("github_token", "${{")),
    "stars of a log": ({"github_token": "***"}, ("github_token", "log")),
    "GitHub's token for GitLab": ({"gitlab_token": "ghp_x1"}, ("gitlab_token", "GitHub")),
    "GitHub's fine-grained one": ({"gitlab_token": "github_pat_x1"}, ("gitlab_token", "GitHub")),
    "GitLab's token for GitHub": ({"github_token": "glpat-x1"}, ("github_token", "GitLab")),
    "a public key": (
        {**_APP, "github_app_private_key": _NO_KEY.format("PUBLIC KEY")},
        ("github_app_private_key", "PEM"),
    ),
    "a torn key": (
        {**_APP, "github_app_private_key": _NO_KEY.format("RSA PRIVATE KEY")},
        ("github_app_private_key", "PEM"),
    ),
}
FILES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "a token": ("gitlab_token: x", ("'gitlab_token'", "GITLAB_TOKEN")),
    "a token of gitlab": ("gitlab: {token: x}", ("gitlab", "'token'", "GITLAB_TOKEN")),
    "a password": ("github: {password: x}", ("github", "'password'", "GH_TOKEN")),
    "an input's owner": ("target_owner: acme", ("'target_owner'", "`github.owner`")),
    "an input's address": ("gitlab_url: https://x.org", ("'gitlab_url'", "`gitlab.url`")),
    "an input's list": ("project_ids: [17]", ("'project_ids'", "`projects`")),
    "a policy at the top": ("visibility: private", ("'visibility'", "`defaults.visibility`")),
    "a mode among the defaults": ("defaults: {mode: APPLY}", ("'mode'", "top")),
    "a group's id": ("groups: [{id: 5}]", ("groups[0]", "'id'", "path, subgroups")),
    "a project's part": ("projects: [17.0]", ("projects[0]", "17.0", "{id: 123}")),
    "one target for two": (
        "github: {owner: a}\nprojects: [{id: 17, target: a/x}, 18, {id: 19, target: A/X}]",
        ("projects[0]", "projects[2]", "A/X"),
    ),
}
# Files of another sort than was asked for.
OTHERS: Mapping[str, tuple[Mapping[str, str], Mapping[str, bytes], tuple[str, ...]]] = {
    "an export that is a file": ({"from_export": "x"}, {"x": b"1"}, ("from_export", "'x'", "folder")),
    "a workbook as a batch": (
        {"project_ids": "", "config": "waves.xlsx"},
        {"waves.xlsx": b"PK\x03\x04\x14\x00"},
        ("config", "waves.xlsx", "CSV"),
    ),
    "a workbook as a table": (
        {"project_ids": "", "config": "waves.csv"},
        {"waves.csv": b"PK\x03\x04\x14\x00\xff"},
        ("config", "waves.csv", "CSV"),
    ),
    "a workbook of users": (
        {"users": "people.csv"},
        {"people.csv": b"PK\x03\x04\x14\x00"},
        ("users", "people.csv", "CSV"),
    ),
    "one target in two lines": (
        {"project_ids": "", "config": "waves.csv"},
        {"waves.csv": b"id,target\n17,acme/x\n18,acme/x\n"},
        ("waves.csv, line 2", "waves.csv, line 3", "acme/x"),
    ),
}


def meant_otherwise() -> Iterator[Wrong]:
    """The whole table."""
    for name, (inputs, words) in INPUTS.items():
        yield Wrong(name=f"meant: {name}", inputs=inputs, words=words)
    no_list = {"project_ids": "", "target_owner": "", "config": "batch.yml"}
    for name, (text, words) in FILES.items():
        yield Wrong(name=f"meant: {name}", inputs=no_list, files={"batch.yml": text.encode()}, words=words)
    for name, (inputs, files, words) in OTHERS.items():
        yield Wrong(name=f"meant: {name}", inputs=inputs, files=files, words=words)
