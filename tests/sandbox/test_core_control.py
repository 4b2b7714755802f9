"""The control interface, which others measure with."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import aiohttp
import jsonschema_rs
import pytest

from gl2gh_batch.sandbox import control


def check(name: str, document: Any) -> None:
    """Hold a document against its part of the published schema."""
    schema = {**control.schema(), "$ref": f"#/$defs/{name}"}
    errors = [str(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(document)]
    assert errors == []


def test_the_schema_is_one() -> None:
    """The published file is a valid JSON Schema of 2020-12."""
    assert control.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(control.schema())


async def test_state_requests_limits_and_faults_are_as_published(client: Any) -> None:
    """Every document that is given out is valid against the schema."""
    path = await client.repository()
    await client("POST", f"{path}/milestones", {"title": "v1"})
    await client.imported(path, {"title": "t", "labels": ["bug"]}, [{"body": "c"}])
    state = (await client.control("GET", "/state")).body
    check("state", state)
    repository = state["repositories"]["acme/app"]
    assert repository["issues"][0]["comments"][0]["body"] == "c"
    assert (repository["private"], repository["archived"], repository["refs"]) == (True, False, {})
    lines = (await client.control("GET", "/requests")).body.splitlines()
    requests = [json.loads(line) for line in lines]
    for request in requests:
        check("request", request)
    assert [request["t"] for request in requests] == sorted(request["t"] for request in requests)
    assert requests[0] | {"t": 0} == {
        "t": 0,
        "side": "github",
        "method": "POST",
        "path": "/api/v3/orgs/acme/repos",
        "query": "",
        "classes": ["primary", "points", "concurrency"],
        "status": 201,
        "credential": requests[0]["credential"],
    }
    assert client.sandbox.github_token not in json.dumps(requests)
    limits = {"points": {"limit": 9, "window_s": 1}, "concurrency": {"limit": 5}}
    check("limits", limits)
    check("limits", (await client.control("PUT", "/limits", limits)).body)
    faults = [{"side": "github", "path": "/user", "nth": [1, 3], "effect": {"status": 500}}]
    check("faults", faults)
    assert (await client.control("PUT", "/faults", faults)).body == faults


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/limits", {"unknown": {"limit": 1, "window_s": 1}}),
        ("PUT", "/limits", []),
        ("PUT", "/faults", [{"side": "github"}]),
        ("PUT", "/faults", {}),
        ("PATCH", "/state", [{"op": "replace", "path": "/repositories/none/private", "value": True}]),
        ("PATCH", "/state", [{"op": "test", "path": "/repositories", "value": 3}]),
        ("PATCH", "/state", [{"op": "replace", "path": "/settings", "value": {"nothing": 1}}]),
        (
            "PATCH",
            "/state",
            [{"op": "replace", "path": "/repositories/acme~1app/issues/0/number", "value": 5}],
        ),
        (
            "PATCH",
            "/state",
            [{"op": "add", "path": "/repositories/acme~1app/refs/refs~1heads~1x", "value": "00"}],
        ),
    ],
)
async def test_what_is_not_understood_is_422_with_the_reason(
    client: Any, method: str, path: str, body: Any
) -> None:
    """No instruction is passed over in silence."""
    await client("POST", f"{await client.repository()}/issues", {"title": "t"})
    answer = await client.control(method, path, body)
    assert answer.status == 422
    assert answer.body["message"]


async def test_damage_takes_effect_in_the_target(client: Any, worktree: Any) -> None:
    """Whatever a patch changes, clients of the API and of git see it changed."""
    path = await client.repository()
    first, second = worktree.commit(), worktree.commit("b.txt")
    address = f"{client.sandbox.github_url}/acme/app.git".replace("//", f"//x:{client.sandbox.github_token}@")
    await worktree.push(address, "main", f"{first}:refs/heads/other")
    await client("POST", f"{path}/milestones", {"title": "v1"})
    issue = {"title": "t", "labels": ["bug"], "milestone": 1, "assignee": "octocat"}
    for _ in range(3):
        await client.imported(path, issue, [{"body": "one"}, {"body": "two"}])
    at = "/repositories/acme~1app"
    patch = [
        {"op": "replace", "path": f"{at}/issues/0/title", "value": "changed"},
        {"op": "remove", "path": f"{at}/issues/0/comments/0"},
        {"op": "replace", "path": f"{at}/issues/0/comments/0/body", "value": "damaged"},
        {"op": "replace", "path": f"{at}/issues/0/labels", "value": []},
        {"op": "replace", "path": f"{at}/issues/0/milestone", "value": None},
        {"op": "replace", "path": f"{at}/issues/0/assignees", "value": []},
        {"op": "replace", "path": f"{at}/issues/0/state", "value": "closed"},
        {"op": "remove", "path": f"{at}/issues/1"},
        {"op": "add", "path": f"{at}/issues/-", "value": {"title": "extra", "user": {"login": "octocat"}}},
        {"op": "replace", "path": f"{at}/milestones/0/title", "value": "v2"},
        {"op": "replace", "path": f"{at}/labels/0/color", "value": "000000"},
        {"op": "add", "path": f"{at}/labels/-", "value": {"name": "foreign", "color": "123456"}},
        {"op": "replace", "path": f"{at}/refs/refs~1heads~1main", "value": first},
        {"op": "remove", "path": f"{at}/refs/refs~1heads~1other"},
        {"op": "add", "path": f"{at}/refs/refs~1tags~1late", "value": second},
        {"op": "replace", "path": f"{at}/private", "value": False},
        {
            "op": "add",
            "path": "/repositories/acme~1planted",
            "value": {"private": True, "labels": [{"name": "x"}]},
        },
    ]
    check("patch", patch)
    patched = await client.control("PATCH", "/state", patch)
    assert patched.status == 200, patched.body
    one = (await client("GET", f"{path}/issues/1")).body
    assert (one["title"], one["labels"], one["milestone"], one["assignees"]) == ("changed", [], None, [])
    assert (one["state"], one["comments"]) == ("closed", 1)
    assert [each["body"] for each in (await client("GET", f"{path}/issues/1/comments")).body] == ["damaged"]
    assert (await client("GET", f"{path}/issues/2")).status == 410
    extra = (await client("GET", f"{path}/issues/4")).body
    assert (extra["title"], extra["user"]["login"]) == ("extra", "octocat")
    assert (await client("GET", f"{path}/milestones/1")).body["title"] == "v2"
    assert (await client("GET", f"{path}/labels/bug")).body["color"] == "000000"
    assert (await client("GET", f"{path}/labels/foreign")).status == 200
    listed = await asyncio.to_thread(worktree.git, "ls-remote", address, "refs/*")
    assert dict(reversed(line.split("\t")) for line in listed.stdout.splitlines()) == {
        "refs/heads/main": first,
        "refs/tags/late": second,
    }
    assert (await client("GET", path, token=None)).status == 200
    assert len((await client("GET", "/repos/acme/planted/labels")).body) == 1
    gone = await client.control("PATCH", "/state", [{"op": "remove", "path": at}])
    assert list(gone.body["repositories"]) == ["acme/planted"]
    assert (await client("GET", path)).status == 404


async def test_an_empty_patch_changes_nothing(client: Any) -> None:
    """Reading the state and writing it back is the same state."""
    path = await client.repository()
    await client.imported(path, {"title": "t"}, [{"body": "c"}])
    before = (await client.control("GET", "/state")).body
    assert (await client.control("PATCH", "/state", [])).body == before


async def test_a_reset_is_a_new_beginning_at_the_same_addresses(start: Any) -> None:
    """State, journal, faults and limits are those of the start."""
    client = await start(profile="github.com")
    await client.repository()
    await client.control("PUT", "/limits", {"points": {"limit": 1, "window_s": 1000}})
    await client.control("PUT", "/faults", [{"side": "github", "path": "**", "effect": {"status": 500}}])
    assert (await client.control("POST", "/reset")).status == 204
    assert (await client.control("GET", "/state")).body["repositories"] == {}
    assert (await client.control("GET", "/requests")).body == ""
    assert (await client("GET", "/user")).status == 200
    assert (await client("GET", "/user")).status == 200


async def test_the_same_seed_gives_the_same_answers(start: Any) -> None:
    """Ids, numbers and orders repeat; only time and addresses differ."""

    async def play() -> Any:
        client = await start(profile="unlimited", seed=5)
        path = await client.repository()
        for number in range(3):
            await client.imported(path, {"title": f"i{number}"})
        issues = (await client("GET", f"{path}/issues?state=all")).body
        return [(issue["id"], issue["number"], issue["title"]) for issue in issues]

    assert await play() == await play()


async def test_the_program_says_where_it_is_and_stops_on_a_signal(tmp_path: Any) -> None:
    """One JSON line on the output, a server behind it, and a clean end with TERM."""
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"primary": {"limit": 7, "window_s": 60}}))
    code = (
        "import asyncio, pathlib, sys; from gl2gh_batch.sandbox import command; "
        "asyncio.run(command.serve(limits_file=pathlib.Path(sys.argv[1]), as_json=True))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(limits), stdout=subprocess.PIPE, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        where = json.loads(await process.stdout.readline())
        check("addresses", where)
        assert where["github"]["api_url"] == where["github"]["url"] + "/api/v3"

        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"token {where['github']['token']}"}
            async with session.get(f"{where['github']['api_url']}/user", headers=headers) as answer:
                assert answer.headers["X-RateLimit-Limit"] == "7"
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert await process.stdout.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
