"""`server.yml`: what is read from it, and what is refused with its place and remedy."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from served import server_config

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.server.config import Role, read_server_config
from gl2gh_batch.interfaces.server.serving import open_service
from gl2gh_batch.kit.redact import Redactor

ENVIRONMENT = {"GITLAB_TOKEN": "glpat-000000000000"}
DIGEST = "ab" * 32


def _document(**fields: Any) -> dict[str, Any]:
    return {
        "tokens": [{"name": "anna", "role": "operator", "sha256": DIGEST}],
        "projects": {
            "acme": {
                "gitlab": {"url": "https://gitlab.example.com", "token_env": "GITLAB_TOKEN"},
                "github": {"owner": "acme", "token_file": "github-token"},
                "defaults": {"numbering": "compact"},
            }
        },
        **fields,
    }


def _written(folder: Path, document: Any) -> Path:
    (folder / "github-token").write_text("ghp_000000000000\n")
    path = folder / "server.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_configuration(tmp_path: Path) -> None:
    """Addresses, owner and policies come from the file, tokens from the environment or files beside it."""
    config = read_server_config(_written(tmp_path, _document()), ENVIRONMENT)
    assert (config.host, config.port, config.is_local) == ("127.0.0.1", 8765, True)
    assert (config.access[0].name, config.access[0].role) == ("anna", Role.OPERATOR)
    project = config.projects["acme"]
    assert project.config["gitlab_token"] == "glpat-000000000000"
    assert project.config["github_token"] == "ghp_000000000000"
    assert (project.config["target_owner"], project.config["numbering"]) == ("acme", "compact")
    assert project.work_dir == tmp_path / "gl2gh-service/work/acme"
    assert "glpat" not in repr(config)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"port": 1}, "port"),
        ({"listen": {"host": "0.0.0.0"}, "tokens": []}, "tokens"),
        ({"listen": {"host": "192.168.0.1"}, "tokens": None}, "tokens"),
        ({"listen": {"port": 70000}}, "listen.port"),
        ({"listen": {"host": "a b"}}, "listen.host"),
        ({"tokens": [{"name": "a", "role": "admin", "sha256": DIGEST}]}, "tokens[0].role"),
        ({"tokens": [{"name": "a", "role": "viewer", "sha256": "my-token"}]}, "tokens[0].sha256"),
        ({"tokens": [{"name": "a b", "role": "viewer", "sha256": DIGEST}]}, "tokens[0].name"),
        ({"tokens": [{"name": "a", "role": "viewer", "sha256": DIGEST}] * 2}, "tokens[1].name"),
        ({"projects": {}}, "projects"),
        ({"projects": {"A b": {}}}, "projects"),
        ({"projects": {"a": {"gitlab": {"token_env": "NO"}}}}, "projects.a.gitlab.token_env"),
        ({"projects": {"a": {"gitlab": {"token_file": "no"}}}}, "projects.a.gitlab.token_file"),
        ({"projects": {"a": {"gitlab": {"token_env": "GITLAB_TOKEN"}}}}, "projects.a: github_token"),
        ({"batches": {"running": 0}}, "batches.running"),
        ({"limits": "no.json"}, "limits"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    """One clear error that names the field and a remedy, and repeats no secret."""
    with pytest.raises(ConfigurationError) as caught:
        read_server_config(_written(tmp_path, _document(**change)), ENVIRONMENT)
    assert named in f"{caught.value.field} {caught.value.message}"
    assert caught.value.hint
    assert "my-token" not in str(caught.value)


async def test_a_second_service_is_refused(lab: Any) -> None:
    """Two services never share a work directory; the second one leaves the first one alone."""
    config = server_config(lab)
    async with open_service(config, Redactor()):
        with pytest.raises(ConfigurationError, match="another service") as caught:
            async with open_service(config, Redactor()):
                pass
        assert caught.value.exit_code == 2
    async with open_service(config, Redactor()) as again:
        assert again.token == ""


async def test_an_address_that_is_taken(lab: Any) -> None:
    """A port that somebody listens on is a clear error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = server_config(lab, port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            async with open_service(config, Redactor()):
                pass


async def test_a_token_for_this_run(lab: Any) -> None:
    """Without a token in the configuration one is made for the run: nobody is ever let in without."""
    async with open_service(server_config(lab, access=()), Redactor()) as first:
        assert len(first.token) >= 32
    async with open_service(server_config(lab, access=()), Redactor()) as second:
        assert second.token != first.token
