"""What other processes of this machine show of themselves."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> dict[str, bytes]:
    """Arguments and environment of every process below one, as far as they can be read."""
    found: dict[str, bytes] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) != pid:
                continue
            arguments = (entry / "cmdline").read_bytes()
            if b"gl2gh_batch" in arguments:
                continue  # a fork that is not yet another program still shows our own variables
            found[f"argv of {entry.name}"] = arguments
            environment = (entry / "environ").read_bytes().split(b"\0")
            found[f"env of {entry.name}"] = b"\0".join(
                # The one place where git's credential belongs: bound to one origin, in its own process.
                one
                for one in environment
                # And git needs the way through a proxy.
                if not one.startswith((b"GIT_CONFIG_VALUE_", b"HTTPS_PROXY="))
            )
            found |= children(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return found
