"""What release.yml calls on a runner, for this machine: `gh` on a real repository, `docker`, `make`.

Each writes a line of JSON into $ASKED. `gh` is strict where GitHub is: a ref is made once, moves only by
force where it would lose commits, and a release wants its tag.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

BASE_DIGEST: Final = f"sha256:{'ba' * 32}"
GH: Final = """#!/usr/bin/env python3
import json, os, subprocess, sys, tempfile

arguments = sys.argv[1:]
origin = os.environ["ORIGIN"]
if not os.environ.get("GH_TOKEN"):
    sys.exit("gh: no token")


def git(*words, check=True, **more):
    environment = {**os.environ, "GIT_DIR": origin, **more.pop("env", {})}
    done = subprocess.run(["git", *words], capture_output=True, text=True, env=environment, **more)
    if check and done.returncode:
        sys.exit(f"gh: {done.stderr}")
    return done.stdout.strip() if done.returncode == 0 else None


def named(flag):
    return [arguments[place + 1] for place, one in enumerate(arguments) if one == flag]


def api():
    path = arguments[[place for place, one in enumerate(arguments) if one.startswith("repos/")][0]]
    body = json.load(sys.stdin) if "--input" in arguments else {}
    body |= dict(one.split("=", 1) for one in (*named("--raw-field"), *named("--field")))
    verb = (named("--method") or ["POST" if body else "GET"])[0]
    _, _, _, _, sort, *rest = path.split("/")
    match verb, sort:
        case "GET", "commits":
            return {"tree": {"sha": git("rev-parse", f"{rest[0]}^{{tree}}")}}
        case "POST", "trees":
            with tempfile.TemporaryDirectory() as folder:
                index = {"GIT_INDEX_FILE": f"{folder}/index"}
                git("read-tree", body["base_tree"], env=index)
                for one in body["tree"]:
                    blob = git("hash-object", "-w", "--stdin", input=one["content"])
                    entry = f"{one['mode']},{blob},{one['path']}"
                    git("update-index", "--add", "--cacheinfo", entry, env=index)
                return {"sha": git("write-tree", env=index)}
        case "POST", "commits":
            parents = [word for one in body["parents"] for word in ("-p", one)]
            roles = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
            who = {f"GIT_{role}": "bot" for role in roles}
            return {"sha": git("commit-tree", body["tree"], *parents, "-m", body["message"], env=who)}
        case "GET", "ref":
            found = git("rev-parse", "--verify", "--quiet", f"refs/{'/'.join(rest)}", check=False)
            return {"object": {"sha": found}} if found else sys.exit("gh: Not Found (HTTP 404)")
        case "POST", "refs":
            git("update-ref", body["ref"], body["sha"], "0" * 40)
            return {"ref": body["ref"]}
        case "PATCH", "refs":
            ref = f"refs/{'/'.join(rest)}"
            before = git("rev-parse", "--verify", ref)
            forward = git("merge-base", "--is-ancestor", before, body["sha"], check=False) is not None
            if not forward and body.get("force") != "true":
                sys.exit("gh: Update is not a fast forward (HTTP 422)")
            git("update-ref", ref, body["sha"])
            return {"ref": ref}
    sys.exit(f"gh: {verb} {path} is not known here")


def release():
    assert arguments[:2] == ["release", "create"], arguments
    git("rev-parse", "--verify", f"refs/tags/{arguments[2]}")
    notes = open(named("--notes-file")[0]).read()
    return {"release": arguments[2], "notes": notes}


found = api() if arguments[0] == "api" else release()
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps({"gh": arguments, "answer": found}) + "\\n")
for jq in named("--jq"):
    for key in jq.strip(".").split("."):
        found = found[key]
    print(found)
"""
DOCKER: Final = f"""#!/usr/bin/env python3
import json, os, sys

arguments = sys.argv[1:]
said = sys.stdin.read() if "--password-stdin" in arguments else ""
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps({{"docker": arguments, "stdin": bool(said.strip())}}) + "\\n")
if arguments[:3] == ["buildx", "imagetools", "inspect"]:
    print("{BASE_DIGEST}")
if arguments[:1] == ["run"]:
    pushed = open(os.environ["PUSHED"]).read()
    if pushed not in arguments:
        sys.exit(f"docker: {{pushed}} is there, and not that image")
    print("the demo ran")
"""
MAKE: Final = """#!/usr/bin/env python3
import json, os, sys

with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps({"make": sys.argv[1:]}) + "\\n")
"""
# Writes down what an action of others was given, in variables `IN_…`.
NOTED: Final = """python3 - <<'END'
import json, os
given = {name[3:]: value for name, value in os.environ.items() if name.startswith("IN_")}
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps({os.environ["ACTION"]: given}) + "\\n")
END
"""


def put_programs(folder: Path) -> Path:
    """The programs in a folder for the head of PATH."""
    folder.mkdir(parents=True)
    for name, text in (("gh", GH), ("docker", DOCKER), ("make", MAKE)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder
