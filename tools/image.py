"""Build the image of the Action and run it: with a Docker engine where there is one, else with buildah.

    tools/image.py build     build it from this checkout; --base names another base than the Dockerfile's
    tools/image.py run …     its entry with these words as process 1, in the current folder and environment
    tools/image.py shell …   another program of it, in the same way
    tools/image.py measure   as JSON: compressed size in bytes, least seconds of `--version`, the base

Where no registry is within reach the base is made of Debian's packages, as Debian's slim images are. Exits
with 3 where there is neither an engine nor buildah, or nothing to make a base with.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
STORE: Final = Path(os.environ.get("GL2GH_IMAGE_STORE") or ROOT / ".tools/image")
TAG: Final = "localhost/gl2gh-batch:built"
BASE: Final = "localhost/gl2gh-base:bookworm"
CONTAINER: Final = "gl2gh-batch-built"
AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
# What the runner hands to a container: GitHub docs, "Variables reference".
HANDED_ON: Final = ("INPUT_", "GITHUB_", "RUNNER_", "CI", "HOME", "GITLAB_TOKEN", "GH_TOKEN", "NO_COLOR")
NO_ENGINE: Final = 3
STARTS: Final = 5
# What Debian's slim images leave out (debuerreotype, `debuerreotype-slimify`).
SLIM: Final = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
LEFT_OVER: Final = "var/lib/apt/lists var/cache/apt var/cache/debconf var/log"


def main() -> int:
    """Do what the words say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("build", "run", "shell", "measure"))
    parser.add_argument("--base", default=os.environ.get("BASE", ""))
    arguments, words = parser.parse_known_args()
    engine = find_engine()
    match arguments.what:
        case "build":
            build(engine, arguments.base)
        case "measure":
            print(json.dumps(measure(engine)))
        case "run":
            return run(engine, ["gl2gh-batch", *words])
        case _:
            return run(engine, words)
    return 0


def find_engine() -> str:
    """`docker` or `buildah`; exits where neither can be used."""
    if shutil.which("docker"):
        found = subprocess.run(["docker", "info"], capture_output=True, check=False)
        if found.returncode == 0:
            return "docker"
    if os.geteuid() != 0 or not shutil.which("buildah"):
        refuse("there is no Docker engine, and no buildah to be used as root")
    return "buildah"


def build(engine: str, base: str) -> None:
    """Make the image from what this checkout holds."""
    if engine == "docker":
        told = ["--build-arg", f"BASE={base}"] if base else []
        argv = ["docker", "build", "--quiet", *told, "--tag", TAG, str(ROOT)]
        subprocess.run(argv, check=True, stdout=sys.stderr)
        return
    STORE.mkdir(parents=True, exist_ok=True)
    if not base:
        make_base()
    # The authorities that this machine trusts are lent to the build, and stay out of the image.
    lent = ["--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro"] if Path(AUTHORITIES).is_file() else []
    buildah(
        "bud", "--quiet", "--isolation", "chroot", "--network", "host", "--timestamp", "0", *lent,
        "--build-arg", f"BASE={base or BASE}", "--tag", TAG, str(ROOT),
    )  # fmt: skip
    buildah("rm", CONTAINER, check=False)
    buildah("from", "--pull-never", "--name", CONTAINER, TAG)


def make_base() -> None:
    """A small Debian with Python, once."""
    if buildah("inspect", "--type", "image", BASE, check=False):
        return
    if not shutil.which("mmdebstrap"):
        refuse("no base was given (--base), and there is no mmdebstrap to make one with")
    print("image: making the base of Debian's packages", file=sys.stderr, flush=True)
    archive = STORE / "base.tar"
    subprocess.run(
        [
            "mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv,ca-certificates",
            *(f"--dpkgopt=path-exclude={one}" for one in SLIM),
            f'--customize-hook=cd "$1" && find {LEFT_OVER} -type f -delete',
            "bookworm", archive,
        ],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
    scratch = buildah("from", "scratch")
    buildah("add", "--quiet", scratch, str(archive), "/")
    buildah("commit", "--quiet", "--timestamp", "0", "--rm", scratch, BASE)
    archive.unlink()


def run(engine: str, words: Sequence[str]) -> int:
    """Run a program of the image as its process 1; its exit code. Signals that come here go there."""
    if engine == "docker":
        argv, environment = _started_by_docker(words)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - docker hands signals on by itself
    argv, environment = _started_in_namespaces(words)
    process = subprocess.Popen(argv, env=environment)

    def hand_on(number: int, _: object) -> None:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    return process.wait()


def _started_by_docker(words: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    folder = _folder()
    told = [word for name in _handed_on() for word in ("--env", name)]
    argv = ["docker", "run", "--rm", "--network", "host", "--volume", f"{folder}:{folder}"]
    argv += ["--workdir", str(Path.cwd()), *told, "--entrypoint", words[0], TAG, *words[1:]]
    return argv, os.environ


def _started_in_namespaces(words: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """What an engine does, as far as a machine without one allows: own mounts, own process ids, own root."""
    root, folder = buildah("mount", CONTAINER), _folder()
    said = buildah("inspect", "--format", "{{range .OCIv1.Config.Env}}{{println .}}{{end}}", CONTAINER)
    Path(f"{root}{folder}").mkdir(parents=True, exist_ok=True)
    for name in ("etc/resolv.conf", "etc/hosts"):
        shutil.copyfile(f"/{name}", f"{root}/{name}")
    script = (
        'mount --rbind "$2" "$1$2" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"'
        ' && root=$1 && shift 2 && exec chroot "$root" "$@"'
    )
    inside = ["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(Path.cwd()), *words]
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, "sh", root]
    environment = dict(line.split("=", 1) for line in said.splitlines() if line)
    return [*argv, str(folder), *inside], environment | _handed_on()


def _folder() -> Path:
    """The folder of this machine that the program sees under the same name."""
    return Path(os.environ.get("GL2GH_IMAGE_FOLDER") or Path.cwd())


def _handed_on() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}


def measure(engine: str) -> dict[str, float | str]:
    """How large what a runner pulls is, and what it takes until the program has said one line.

    `processor_seconds` is without what other work on the machine adds, and without an engine's own part.
    """
    start = _started_by_docker if engine == "docker" else _started_in_namespaces
    argv, environment = start(["gl2gh-batch", "--version"])
    times, busy = [], []
    for _ in range(STARTS):
        began, used = time.monotonic(), _processor_seconds()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=environment)
        times.append(time.monotonic() - began)
        busy.append(_processor_seconds() - used)
    return {
        "bytes": _compressed(engine),
        "seconds": min(times),
        "processor_seconds": min(busy),
        "base": _base(engine),
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compressed(engine: str) -> int:
    if engine == "docker":
        saving = subprocess.Popen(["docker", "save", TAG], stdout=subprocess.PIPE)
        packed = subprocess.run(["gzip", "-c"], stdin=saving.stdout, check=True, stdout=subprocess.PIPE)
        return len(packed.stdout)
    with tempfile.TemporaryDirectory(dir=STORE) as scratch:
        buildah("push", "--quiet", "--format", "oci", TAG, f"oci:{scratch}/image:built")
        return sum(path.stat().st_size for path in Path(scratch).rglob("blobs/sha256/*"))


def _base(engine: str) -> str:
    script = '. /etc/os-release && echo "$PRETTY_NAME, $(python3 --version)"'
    argv = [sys.executable, __file__, "shell", "sh", "-c", script]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return f"{done.stdout.strip()} ({engine})"


def buildah(*words: str, check: bool = True) -> str:
    """What buildah says, with a store of our own; empty where it may fail and did."""
    places = ["--root", str(STORE / "root"), "--runroot", str(STORE / "run"), "--storage-driver", "vfs"]
    done = subprocess.run(
        ["buildah", *places, *words],
        check=check,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if check else subprocess.DEVNULL,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def refuse(said: str) -> NoReturn:
    """End with the code that says: this machine cannot."""
    print(f"image: {said}", file=sys.stderr)
    sys.exit(NO_ENGINE)


if __name__ == "__main__":
    sys.exit(main())
