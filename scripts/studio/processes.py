"""One process of the studio: started in its own session, watched, ended with everything it started."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_LONGEST_WAIT_S = 30.0
_STEADY_S = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """What to start. `given` goes to its standard input."""

    name: str
    command: tuple[str, ...]
    given: str = ""


class Child:
    """A service and the process that runs it now."""

    def __init__(self, service: Service, log: Path, cwd: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self.log = log
        self._cwd = cwd
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._deaths = 0
        self._again_at: float | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    @property
    def pid(self) -> int | None:
        """The process id, also after its death."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """The exit status once the process has ended."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the process; the log of an earlier start is kept beside the new one."""
        if self._process is None and self.log.exists():
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.service.command,
                stdin=subprocess.PIPE if self.service.given else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_end_with_parent(),
            )
        if self._process.stdin:
            with self._process.stdin as pipe:
                pipe.write(self.service.given.encode())
        self._started = time.monotonic()
        self._again_at = None

    def due(self, now: float) -> float | None:
        """For a dead process, plan its next start: return the wait in seconds when it was just planned.

        Each death in a row doubles the wait; a process that ran steadily starts from the beginning.
        """
        if self._again_at is not None:
            return None
        self.kill()
        self._deaths = 0 if now - self._started > _STEADY_S else self._deaths
        wait = min(2.0**self._deaths, _LONGEST_WAIT_S)
        self._deaths += 1
        self._again_at = now + wait
        return wait

    def restart_if_due(self, now: float) -> bool:
        """Start a dead process again when its wait is over."""
        if self._again_at is None or now < self._again_at:
            return False
        self.start()
        return True

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process; it ends what it started in order."""
        if self.alive and self._process:
            self._process.terminate()

    def wait(self, until: float) -> bool:
        """Wait for the end until a moment of the monotonic clock; False when it still runs then."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill the process and whatever it started and left behind."""
        if self._process is None:
            return
        for pid in _family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.alive:
            self._process.kill()
        self._process.wait()

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in lines[-count:])


def _family(leader: int) -> set[int]:
    """Return the processes of a session and those they started, also in sessions of their own.

    Read before anything is killed: an orphan no longer says who started it. Without /proc it is empty, and the
    runs of a worker then end by themselves when they lose their lease.
    """
    found_near = {int(entry.name): _parent_and_session(entry) for entry in Path("/proc").glob("[0-9]*")}
    known = {pid: near for pid, near in found_near.items() if near}
    family: set[int] = set()
    found = {pid for pid, near in known.items() if leader in (pid, *near)}
    while found - family:
        family |= found
        found = {pid for pid, near in known.items() if family.intersection(near)}
    return family


def _parent_and_session(entry: Path) -> tuple[int, int] | None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[3])


def _end_with_parent() -> Callable[[], None] | None:
    """Return what makes a child end when this process is killed, where the system can do that."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def arrange() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
