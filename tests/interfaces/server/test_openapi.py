"""What is published is what is served: the document, the routes, and whatever schemathesis can think of."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lab import Lab
from served import OPERATOR, Caller, server_config, serving

from gl2gh_batch.interfaces.server import openapi
from gl2gh_batch.interfaces.server.bodies import parse_start
from gl2gh_batch.interfaces.server.problems import Problem
from gl2gh_batch.interfaces.server.schemas import COMPONENTS


async def test_the_document_is_served(caller: Caller) -> None:
    """`/openapi.json` is the document that the routes are made from, in OpenAPI 3.1."""
    answer = await caller.ask("GET", "/openapi.json", token=None)
    assert answer.json == json.loads(json.dumps(openapi.document()))
    assert answer.json["openapi"] == "3.1.0"
    assert len(answer.json["paths"]) == len({route.path for route in openapi.ROUTES})


def test_every_schema_is_one() -> None:
    """All schemas are JSON Schema 2020-12, and every reference leads somewhere."""
    for name, schema in COMPONENTS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        text = json.dumps(schema)
        for other in text.split("#/components/schemas/")[1:]:
            assert other.partition('"')[0] in COMPONENTS, name


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"project_ids": []}, True),
        ({"project_ids": [1, 2], "mode": "FULL", "parallel_limit": 20, "resume_from": "apply"}, True),
        ({"project_ids": [1], "parallel_limit": 5.0}, True),
        ({"project_ids": [1], "resume_from": "plan"}, True),
        ({"project_ids": [1], "resume_from": "apply"}, False),
        ({"project_ids": [1, 1]}, False),
        ({"project_ids": [1], "parallel_limit": 21}, False),
        ({"project_ids": [1], "more": 1}, False),
        ({"mode": "FULL"}, False),
        ({"project_ids": [2**53]}, False),
        ({"project_ids": [1], "mode": None}, False),
    ],
)
def test_schema_and_reader_agree(body: Any, *, fits: bool) -> None:
    """The schema of a start and the code that reads it take and refuse the same bodies."""
    assert jsonschema.Draft202012Validator(COMPONENTS["Start"]).is_valid(body) is fits
    if fits:
        assert parse_start(body).project_ids == tuple(body["project_ids"])
    else:
        with pytest.raises(Problem) as caught:
            parse_start(body)
        assert caught.value.status == 422


async def test_the_application_has_these_routes(caller: Caller) -> None:
    """Every operation of the document is answered by the application, none with "no such path"."""
    nobody = "00000000-0000-4000-8000-000000000000"
    for route in openapi.ROUTES:
        path = route.path.replace("{batch_id}", nobody).replace("{project_id}", "none").replace("{path}", "x")
        answer = await caller.ask(route.method, path, {} if route.body else None)
        assert answer.status != 405
        assert answer.status != 404 or "there is no" in answer.json["detail"], (route.path, answer.text)


@pytest.mark.timeout(600)
async def test_schemathesis_finds_nothing(lab: Lab, tmp_path: Path) -> None:
    """Schemathesis, with all its checks, sends what fits the document and what does not: no failure."""
    program = Path(sys.executable).with_name("schemathesis")
    assert program.exists(), "schemathesis is not installed: run make setup"
    slow = os.environ.get("SCHEMATHESIS_EXAMPLES", "12")
    async with serving(lab, server_config(lab, queued_batches=10_000)) as caller:
        batch_id = await caller.start(17)
        await caller.until(batch_id)
        process = await asyncio.create_subprocess_exec(
            *(str(program), "run", f"{caller.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {OPERATOR}", "--checks", "all"),
            *("--max-examples", slow, "--seed", "1", "--no-color", "--workers", "1"),
            *("--suppress-health-check", "all", "--generation-database", "none"),
            # What it warns of is its luck with made-up identifiers; what it finds is in its code and summary.
            *("--request-timeout", "20", "--warnings", "off"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    text = said.decode()
    assert process.returncode == 0, text[-8000:]
    assert "No issues found" in text, text[-3000:]
