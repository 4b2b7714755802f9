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
from lab import Lab
from processes import children
from runner import Runner
from shell import Shell
from torture import dice, in_parts, turns
from warm import COLD
from whole import link_files, whole

DOORS = ("variables", "files", "action")
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


def action_inputs(lab: Lab) -> dict[str, str]:
    """What the Action is given beside tokens and mode."""
    sandbox = lab.sandbox
    return {
        "project_ids": "17",
        "gitlab_url": sandbox.gitlab_url,
        "github_url": sandbox.github_url,
        "target_owner": sandbox.owner,
    }


class Trial:
    """One way in, one mode, and all that can be seen of a run from outside."""

    def __init__(self, lab: Lab, folder: Path, plants: Plants) -> None:
        self.lab = lab
        self.folder = folder
        self.plants = plants
        self.runner = Runner(folder)
        self.shell = Shell(self.runner.workspace)
        self.watched: set[str] = set()

    async def run(self, door: str, mode: str) -> tuple[int, dict[str, bytes]]:
        """Run it: the exit code, and what was said, written, and shown by children while it ran."""
        if door == "action":
            with_ = {
                **action_inputs(self.lab),
                "gitlab_token": self.lab.sandbox.gitlab_token,
                "github_token": self.lab.sandbox.github_token,
                "mode": mode,
            }
            around = self.runner.environment(with_) | self.plants.around()
            process = await self.runner.start(around, program=COLD)
        else:
            around = {**self.shell.tokens(self.lab), **self.plants.around()}
            flags = [*self.shell.flags(self.lab), "--project-ids=17", "--verbose"]
            if door == "files":
                around, flags = _in_files(self.folder.parent, around, flags)
            process = await self.shell.start("run", *flags, f"--mode={mode}", env=around, program=COLD)
        seen: dict[str, bytes] = {}
        ending = asyncio.ensure_future(self.shell.ended(process))
        while not ending.done():
            seen |= await asyncio.to_thread(children, process.pid)
            await asyncio.sleep(0.01)
        ended = await ending
        self.watched |= {name.partition(" ")[0] for name in seen}
        told = ended.out
        if door == "action":
            step = self.runner.step(around, ended.code, ended.out, ended.err)
            assert set(step.log.masks) >= {with_["gitlab_token"], with_["github_token"]}
            # Where a runner is told what to mask, it has to be told.
            told = "\n".join(one for one in ended.out.splitlines() if not one.startswith("::add-mask::"))
        seen |= {"stdout": told.encode(), "stderr": ended.err.encode()}
        for path in self.folder.rglob("*"):
            if path.is_file():
                seen[str(path.relative_to(self.folder))] = path.read_bytes() + os.fsencode(path.name)
        seen["GitHub"] = json.dumps(await self.lab.repositories()).encode()
        return ended.code, seen


@in_parts
@pytest.mark.timeout(4 * 3600)
async def test_planted_secrets_stay_where_they_belong(
    open_lab: Any, tmp_path: Path, subtests: Any, part: int
) -> None:
    """Forty, plain, URL-encoded or in base64: not in output, files, arguments or children's variables."""
    rng = dice("secrets")
    plants = Plants(rng)
    lab: Lab = await open_lab(whole(settings=plants.settings()))
    trial = Trial(lab, tmp_path / "here", plants)
    tokens = [lab.sandbox.gitlab_token, lab.sandbox.github_token]
    assert len({*tokens, *plants.all()}) == 40
    forms = {form for secret in [*tokens, *plants.all()] for form in _forms(secret)}
    effects = _told(tokens, rng)
    for number, dealt in turns("secrets", part, 6, 25 * len(MODES)):
        mode = MODES[number % len(MODES)]
        door = DOORS[(number + number // len(MODES)) % len(DOORS)]
        fault = {
            "side": dealt.choice(["gitlab", "github"]),
            "path": "*",
            "nth": [(first := dealt.randint(1, 40)), first + 1],
            "effect": effects[number // len(MODES) % len(effects)],
        }
        with subtests.test(f"{number}: {mode} {door} {fault['side']} {first} {str(fault['effect'])[:20]}"):
            await lab.control("POST", "reset")
            link_files(lab)
            _speak_of_tokens(lab, tokens)
            await lab.faults()
            shutil.rmtree(trial.shell.folder / "gl2gh-work", ignore_errors=True)
            if mode == "APPLY":
                assert (await trial.run(door, "PLAN_ONLY"))[0] == 0
            await lab.control("PUT", "faults", [fault] if number else [])
            code, seen = await trial.run(door, mode)
            assert code in {0, 1}, seen
            leaks = [(place, form) for place, data in seen.items() for form in forms if form in data]
            assert leaks == []
    assert trial.watched >= {"argv", "env"}, "no child was seen at all"


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
