"""Planted secrets are found nowhere but where they belong, in whatever mode and under whatever fault."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import shutil
import string
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from lab import Lab, issue, note, project
from processes import children
from shell import Shell
from torture import amount, dice

MODES = ("DISCOVER_ONLY", "EXPORT_ONLY", "TRANSFORM_ONLY", "PLAN_ONLY", "APPLY", "FULL")


def _forms(secret: str) -> set[bytes]:
    forms = {secret, quote(secret, safe=""), secret[::-1][::-1]}
    for prefix in ("", "x", "xy", "oauth2:", "x-access-token:", "PRIVATE-TOKEN: "):
        encoded = base64.b64encode(f"{prefix}{secret}".encode()).decode()
        # The middle is the same whatever stands before and after.
        forms.add(encoded[(len(prefix) + 3) // 3 * 4 : -4])
    return {one.encode() for one in forms}


def _random(rng: random.Random, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choices(signs, k=24))


class Plants:
    """Forty secrets: the run's tokens, what else the environment holds, and what GitLab tells."""

    def __init__(self, rng: random.Random) -> None:
        self.proxy = _random(rng, string.ascii_letters + "@:/+ ")
        names = (
            "ACTIONS_RUNTIME_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN GITHUB_TOKEN AWS_SECRET_ACCESS_KEY GH_PAT"
        )
        more = [f"TOKEN_{number}" for number in range(14)]
        self.environment = {name: _random(rng) for name in [*names.split(), *more]}
        self.variables = [_random(rng) for _ in range(12)]
        self.hooks = [_random(rng) for _ in range(6)]

    def settings(self) -> dict[str, Any]:
        """What the project holds on GitLab."""
        return {
            "variables": [{"key": f"V{number}", "value": one} for number, one in enumerate(self.variables)],
            "hooks": [{"id": number, "url": f"https://x/{one}"} for number, one in enumerate(self.hooks)],
        }

    def around(self) -> dict[str, str]:
        """What the program finds around it; the proxy is one that nothing goes through."""
        proxy = f"http://proxy:{quote(self.proxy, safe='')}@127.0.0.1:9"
        return {**self.environment, "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1"}

    def all(self) -> list[str]:
        """Every one, but for the tokens of the run."""
        return [self.proxy, *self.environment.values(), *self.variables, *self.hooks]


def _told(tokens: list[str], rng: random.Random) -> list[dict[str, Any]]:
    """Answers that carry the tokens back, in any form."""
    basic = [base64.b64encode(f"oauth2:{one}".encode()).decode() for one in tokens]
    words = (
        f"Bad {tokens[0]} {quote(tokens[1], safe='')} Basic {basic[0]} {basic[1]} https://x:{tokens[1]}@host/"
    )
    echo = {"message": words, "error": tokens[1], "errors": [{"message": words}]}
    effects: list[dict[str, Any]] = [
        {"status": code, "body": echo} for code in (400, 401, 403, 404, 409, 422, 500, 503)
    ]
    effects += [{"status": 302, "headers": {"Location": f"https://x:{tokens[1]}@127.0.0.1/"}}, {"drop": True}]
    return rng.sample(effects, len(effects))


@pytest.mark.torture
@pytest.mark.timeout(4 * 3600)
async def test_planted_secrets_stay_where_they_belong(open_lab: Any, tmp_path: Path, subtests: Any) -> None:
    """Forty, plain, URL-encoded or in base64: not in output, files, arguments or children's variables."""
    rng = dice("secrets")
    plants = Plants(rng)
    lab: Lab = await open_lab(
        project(issues=[issue(1, notes=[note("x")]), issue(3)], settings=plants.settings())
    )
    folder = tmp_path / "here"
    folder.mkdir()
    shell = Shell(folder)
    tokens = [lab.sandbox.gitlab_token, lab.sandbox.github_token]
    assert len({*tokens, *plants.all()}) == 40
    forms = {form for secret in [*tokens, *plants.all()] for form in _forms(secret)}
    effects = _told(tokens, rng)
    for number in range(amount(6, 25 * len(MODES))):
        mode = MODES[number % len(MODES)]
        fault = {
            "side": rng.choice(["gitlab", "github"]),
            "path": "*",
            "nth": [(first := rng.randint(1, 40)), first + 1],
            "effect": effects[number % len(effects)],
        }
        with subtests.test(f"{number}: {mode} {fault['side']} {first} {str(fault['effect'])[:20]}"):
            await lab.control("POST", "reset")
            _speak_of_tokens(lab, tokens)
            await lab.faults()
            shutil.rmtree(folder / "gl2gh-work", ignore_errors=True)
            environment = {**shell.tokens(lab), **plants.around()}
            flags = [*shell.flags(lab), "--project-ids=17", "--verbose"]
            if number % 2:
                environment, flags = _in_files(tmp_path, environment, flags)
            if mode == "APPLY":
                assert (await shell("run", *flags, "--mode=PLAN_ONLY", env=environment)).code == 0
            await lab.control("PUT", "faults", [fault] if number else [])
            process = await shell.start("run", *flags, f"--mode={mode}", env=environment)
            seen: dict[str, bytes] = {}
            ending = asyncio.ensure_future(shell.ended(process))
            while not ending.done():
                seen |= await asyncio.to_thread(children, process.pid)
                await asyncio.sleep(0.02)
            ended = await ending
            assert ended.code in {0, 1}, ended
            seen |= {"stdout": ended.out.encode(), "stderr": ended.err.encode()}
            for path in folder.rglob("*"):
                if path.is_file():
                    seen[str(path.relative_to(folder))] = path.read_bytes() + os.fsencode(path.name)
            seen["GitHub"] = json.dumps(await lab.repositories()).encode()
            leaks = [(place, form) for place, data in seen.items() for form in forms if form in data]
            assert leaks == []


def _speak_of_tokens(lab: Lab, tokens: list[str]) -> None:
    """Somebody once wrote the tokens of this very run into an issue and a comment."""
    held = lab.sandbox.gitlab.projects[17].issues[1]
    held.description = f"git clone https://oauth2:{tokens[0]}@gitlab/x.git and {quote(tokens[1], safe='')}"
    for one in held.notes.own():
        one.body = "Basic " + base64.b64encode(f"oauth2:{tokens[0]}".encode()).decode()


def _in_files(
    tmp_path: Path, environment: dict[str, str], flags: list[str]
) -> tuple[dict[str, str], list[str]]:
    """The same with the tokens in files, and nowhere in the environment."""
    rest = dict(environment)
    for name, variable in (("gitlab", "GITLAB_TOKEN"), ("github", "GH_TOKEN")):
        path = tmp_path / f"{name}.token"
        path.write_text(rest.pop(variable))
        flags = [*flags, f"--{name}-token-file={path}"]
    return rest, flags
