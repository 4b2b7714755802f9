"""One project's configuration: what is taken, and what is refused with a remedy."""

from __future__ import annotations

from typing import Any

import pytest

from gl2gh_batch import BatchOrchestrator
from gl2gh_batch.batch.addresses import api_url_for
from gl2gh_batch.batch.config import parse_config, project_of
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.numbering import NumberingPolicy
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Visibility

PEM = "-----BEGIN RSA PRIVATE KEY-----\npem-secret\n-----END RSA PRIVATE KEY-----\n"


def test_defaults_are_those_of_the_doors() -> None:
    """Only the project has to be named."""
    config = parse_config({"project_id": "group/app"})
    assert (config.gitlab_url, config.github_url) == ("https://gitlab.com", "https://github.com")
    assert config.github_api_url == "https://api.github.com"
    assert config.request.policies.visibility is Visibility.PRIVATE
    assert config.request.policies.numbering is NumberingPolicy.ISSUES_EXACT
    assert config.request.target is None


def test_values_are_taken_as_given() -> None:
    """Every key of a project is read."""
    config = parse_config(
        {
            "project_id": " 12 ",
            "target": "acme/app",
            "priority": "3",
            "kinds": {"issues": "skip", "wiki": "skip"},
            "visibility": "source",
            "gitlab_url": "https://git.example.com/gitlab/",
            "github_url": "https://ghe.example.com/",
        }
    )
    assert config.request.project == 12
    assert config.request.target == RepoRef(owner="acme", name="app")
    assert (config.request.priority, config.request.kinds) == (3, {"issues": "skip", "wiki": "skip"})
    assert config.gitlab_url == "https://git.example.com/gitlab"
    assert config.github_api_url == "https://ghe.example.com/api/v3"


@pytest.mark.parametrize(
    ("fields", "field", "remedy"),
    [
        ({"visiblity": "private"}, "project_configs", "'visibility'"),
        ({"visibility": "privat"}, "visibility", "private"),
        ({"numbering": "exact"}, "numbering", "issues-exact"),
        ({"target": "acme"}, "target", "owner/name"),
        ({"target": "acme/../x"}, "target", "owner/name"),
        ({"target": "acme/x.git"}, "target", "owner/name"),
        ({"priority": "high"}, "priority", "digits"),
        ({"kinds": ["issues"]}, "kinds", "issues: skip"),
        ({"kinds": {"isues": "skip"}}, "kinds", "'issues'"),
        ({"kinds": {"issues": "maybe"}}, "kinds.issues", "skip"),
        ({"kinds": {"repository": "skip"}}, "kinds", "issues"),
        ({"issues_via": "graphql"}, "issues_via", "import"),
        ({"gitlab_url": "gitlab.com"}, "gitlab_url", "address"),
        ({"gitlab_url": "https://oauth2:glpat@gitlab.com"}, "gitlab_url", "address"),
        ({"github_url": "ftp://github.com"}, "github_url", "address"),
        ({"github_app_id": 5}, "github_app_private_key", "all three"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_a_remedy(fields: dict[str, Any], field: str, remedy: str) -> None:
    """The error names the key and says what to write."""
    with pytest.raises(ConfigurationError) as caught:
        parse_config({"project_id": 1, **fields})
    assert caught.value.field == field
    assert remedy in caught.value.hint


@pytest.mark.parametrize("name", [None, "", "  ", True, 1.5, ["x"]], ids=repr)
def test_a_project_needs_a_name(name: Any) -> None:
    """A project is named by its id or its full path."""
    with pytest.raises(ConfigurationError):
        project_of({"project_id": name})


@pytest.mark.parametrize(
    "credential",
    [
        {"github_token": "ghp_secret"},
        {
            "github_app_id": 1,
            "github_app_private_key": PEM,
            "github_app_installation_id": 2,
        },
    ],
    ids=["token", "app"],
)
def test_credentials_are_not_shown(credential: dict[str, Any]) -> None:
    """The representation of a configuration holds no credential."""
    config = parse_config({"project_id": 1, "gitlab_token": "glpat-secret", **credential})
    assert not any(word in repr(config) for word in ("glpat-secret", "ghp_secret", "pem-secret"))


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://GitHub.com/", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://ghe.example.com:8443", "https://ghe.example.com:8443/api/v3"),
    ],
)
def test_the_api_is_found_by_the_product(url: str, api: str) -> None:
    """github.com, data residency and GHES each have their API elsewhere."""
    assert api_url_for(url) == api


async def test_the_library_repeats_no_pasted_address() -> None:
    """Results and events name projects as they were given: one with a token in it is given to no batch."""
    address = "http://oauth2:glpat-secret@host/acme/app"
    with pytest.raises(ConfigurationError, match="credentials do not belong") as refused:
        await BatchOrchestrator().execute_batch_migration([{"project_id": 17}, {"project_id": address}])
    assert "secret" not in str(refused.value)
    for key in ("project_id", "target", "target_owner", "gitlab_url", "github_url"):
        with pytest.raises(ConfigurationError, match="credentials do not belong") as refused:
            parse_config({"project_id": 17, key: address})
        assert "secret" not in str(refused.value)
        assert refused.value.field == key
