"""The real studio for tests: Redis, gateway and workers as processes, on a workspace of their own."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from scripts.studio.net import any_free_port
from scripts.studio.processes import Child
from scripts.studio.runfolder import RunFolder
from scripts.studio.stack import Plan, Stack

QUICK = {
    "AI_STUDIO_LEASE": "4",
    "AI_STUDIO_LEASE_RENEWAL": "1",
    "AI_STUDIO_GRACE": "8",
    "AI_STUDIO_RECONCILE_INTERVAL": "0.5",
    "AI_STUDIO_OFFLINE": "true",
    "AI_STUDIO_MODE": "development",
}
"""Settings that let tests see the death of a worker repaired within seconds."""
_PATIENCE_S = 30


class StudioStack:
    """A running studio.

    Attributes:
        base_url: Address of the gateway.
        workspace: Its workspace folder.
        client: HTTP client of the gateway.
    """

    def __init__(self, place: Path, environment: dict[str, str] | None = None) -> None:
        self.workspace = place / "workspace"
        self._folder = RunFolder(self.workspace)
        settings = {**QUICK, **(environment or {})}
        plan = Plan(
            Path(sys.executable), self.workspace, "127.0.0.1", any_free_port(), flower_port=None, environment=settings
        )
        self._stack = Stack(plan, self._folder)
        self.base_url = plan.url
        self.client = httpx2.Client(base_url=self.base_url, timeout=30, trust_env=False)

    @property
    def redis_url(self) -> str:
        """Address of its Redis, with password."""
        return self._stack.redis_url

    @property
    def redis_data(self) -> Path:
        """The folder in which its Redis keeps data."""
        return self._folder.redis

    @property
    def logs(self) -> Path:
        """The folder with one log per process."""
        return self._folder.logs

    def pid(self, name: str) -> int:
        """Return the process id of `redis`, `gateway`, or a worker such as `importer`."""
        found = self._child(name).pid
        assert found is not None
        return found

    def kill(self, name: str) -> None:
        """End a process and all it started at once, as a crash or the system would."""
        self._child(name).kill()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        os.kill(self.pid(name), number)

    def end(self, name: str) -> None:
        """Ask a process to end in order and wait for it."""
        child = self._child(name)
        child.ask_to_end()
        assert child.wait(time.monotonic() + _PATIENCE_S), f"{name} does not end:\n{child.last_lines()}"

    def start(self, name: str) -> None:
        """Start a process that was killed or ended."""
        child = self._child(name)
        assert not child.alive, f"{name} runs already"
        child.start()

    def restart(self, name: str) -> None:
        """Kill a process and start it again."""
        self.kill(name)
        self.start(name)

    def wait_until_ready(self) -> None:
        """Return when every part is there."""
        self._stack.wait_until_ready(timeout=60)

    @contextmanager
    def running(self) -> Iterator["StudioStack"]:
        """Start everything, and end it with the block."""
        self._folder.make()
        try:
            self._stack.start()
            self.wait_until_ready()
            yield self
        finally:
            self.client.close()
            self._stack.stop()

    def _child(self, name: str) -> Child:
        return self._stack.children[name]
