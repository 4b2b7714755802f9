"""Several credentials for one batch: understood or refused by name, and dealt out by owner and cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.batch.credentials import (
    GitHubCredential,
    Load,
    deal,
    parse_credentials,
    read_dealt,
    write_dealt,
)
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.errors import ConfigurationError

KEY = "-----BEGIN RSA PRIVATE KEY-----\nxyz\n-----END RSA PRIVATE KEY-----"
ONE, TWO = {"owner": "acme", "token": "ghp_one"}, {"owner": "beta", "token": "ghp_two"}


def test_a_credential_is_a_token_or_an_app() -> None:
    """Named as told, else after its owner, else by its place."""
    found = parse_credentials(
        [
            ONE,
            {"name": "app", "app_id": 7, "private_key": KEY, "installation_id": "99"},
            {"token": "ghp_three"},
        ]
    )
    assert [one.name for one in found] == ["acme", "app", "credential 3"]
    assert [one.owner for one in found] == ["acme", "", ""]
    app = found[1].app
    assert app is not None
    assert (app.app_id, app.installation_id) == ("7", 99)
    assert "ghp_one" not in repr(found)
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("ghp_one", r"github_credentials: '\*\*\*' is not a list"),
        ([1], r"github_credentials\[0\]: 1 is not a mapping"),
        ([{}], "neither a token nor an App"),
        ([{"owner": "acme"}], "neither a token nor an App"),
        ([ONE, {"tokn": "x"}], r"\[1\]: unknown key 'tokn'"),
        ([{"token": "a b"}], r"\[0\]\.token: the token holds spaces"),
        ([{"owner": "a/b", "token": "x"}], r"\[0\]\.owner: 'a/b' is not a name"),
        ([{"app_id": 1}], r"\[0\]\.private_key: is needed together with app_id"),
        ([{"token": "x", "app_id": 1, "private_key": KEY, "installation_id": 2}], "both a token and"),
        ([{"app_id": 1, "private_key": "x", "installation_id": 2}], r"\[0\]\.private_key: this is no key"),
        ([ONE, TWO, ONE], r"\[2\]: is the same as github_credentials\[0\]"),
        ([ONE, {"owner": "acme", "token": "ghp_x"}], r"\[1\]: has the name of github_credentials\[0\]"),
    ],
)
def test_a_wrong_list_is_told_what_is_wrong(raw: Any, message: str) -> None:
    """The entry, the key, and no secret."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        SharedResources(github_credentials=raw)
    assert caught.value.hint


def credential(name: str, owner: str = "") -> GitHubCredential:
    """A credential of that name."""
    return GitHubCredential(name=name, owner=owner, token=f"ghp_{name}")


def names(dealt: dict[str, GitHubCredential]) -> dict[str, str]:
    """Who pays for what, by name."""
    return {name: one.name for name, one in dealt.items()}


def test_an_owners_own_comes_first_and_nobody_is_served_by_a_strangers() -> None:
    """Named for the owner; else for anybody; else the project has to have its own."""
    loads = [Load(name=f"{owner}/x", owner=owner, seconds=9.0) for owner in ("ACME", "beta", "gamma", "")]
    mine, others = credential("mine", "acme"), credential("others")
    assert names(deal(loads, [mine, others], {})) == {
        "ACME/x": "mine",
        "beta/x": "others",
        "gamma/x": "others",
        "/x": "others",
    }
    assert names(deal(loads, [mine], {})) == {"ACME/x": "mine"}


def test_what_was_dealt_before_stays_as_long_as_it_may() -> None:
    """Also when it is the fuller one; not when it is gone, or was named for somebody else."""
    loads = [Load(name=name, owner="acme", seconds=9.0) for name in "abc"]
    pair = [credential("one", "acme"), credential("two", "acme"), credential("three", "beta")]
    assert names(deal(loads, pair, {"a": "one", "b": "one"})) == {"a": "one", "b": "one", "c": "two"}
    assert set(names(deal(loads, pair, {"a": "gone", "b": "three"})).values()) == {"one", "two"}


@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=40), st.integers(1, 5))
def test_the_cost_is_dealt_out_evenly(seconds: list[float], count: int) -> None:
    """No credential pays for more than 4/3 of what the best cut must give one of them (Graham 1969)."""
    loads = [Load(name=str(place), owner="acme", seconds=one) for place, one in enumerate(seconds)]
    dealt = deal(loads, [credential(str(one)) for one in range(count)], {})
    sums = dict.fromkeys(map(str, range(count)), 0.0)
    for load in loads:
        sums[dealt[load.name].name] += load.seconds
    two_in_one = sum(sorted(seconds, reverse=True)[count - 1 : count + 1]) if len(seconds) > count else 0.0
    best = max(sum(seconds) / count, *seconds, two_in_one)
    assert max(sums.values()) <= best * 4 / 3 + 1e-6


def test_what_was_dealt_is_remembered_by_name_only(tmp_path: Path) -> None:
    """Nothing of a secret is in the file; what another run dealt out stays in it; damage is nothing known."""
    assert read_dealt(tmp_path) == {}
    write_dealt(tmp_path, {"acme/a": credential("one")})
    write_dealt(tmp_path, {"acme/b": credential("two")})
    assert read_dealt(tmp_path) == {"acme/a": "one", "acme/b": "two"}
    (file,) = tmp_path.iterdir()
    assert "ghp_" not in file.read_text()
    for damaged in ("", "[]", "{}", '{"projects": 7}'):
        file.write_text(damaged)
        assert read_dealt(tmp_path) == {}
