"""The process of a run as its supervisor sees it: started in a group of its own, listened to, killed as a whole."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from shared.bus.events import publish
from shared.errors import StudioError
from shared.schemas.job import Job
from shared.store.jobs import JobStore
from shared.store.lifecycle import Refused

Process = subprocess.Popen[bytes]
_LOG_GAP_S = 0.3
_LINE_LENGTH = 2000
_LINES = 200
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)

# Threads that wait for each other by spinning make a training more than ten times slower as soon as anything else
# wants the processor, be it a second run or the browser.
_RUN_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}

# Where Linux counts processes it killed for want of memory: in the container's group, and on the whole machine.
_OOM_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


def spawn(module: str, job: Job) -> Process:
    """Start `python -m module <job>` in its own process group; it dies with this process.

    Raises:
        OSError: the system does not start it.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, job.id],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=run_environment(),
        start_new_session=True,
        preexec_fn=end_with_parent(),
    )


def run_environment() -> dict[str, str]:
    """Return the environment of a process that computes."""
    return {**_RUN_ENVIRONMENT, **os.environ, "PYTHONUNBUFFERED": "1"}


def end_with_parent() -> Callable[[], None] | None:
    """Return what makes a child die with this process, where the system can do that."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def arrange() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def signal_group(process: Process, number: signal.Signals) -> None:
    """Send a signal to the run and everything it started, if any of it still lives."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def kill(process: Process) -> None:
    """Kill the run with everything it started."""
    signal_group(process, signal.SIGKILL)
    process.wait()


def oom_kills() -> tuple[int, ...]:
    """Return how many processes the system has killed for want of memory, by counter; empty where none is kept."""
    return tuple(_counted(path) for path in _OOM_COUNTERS)


def _counted(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


class LogTeller(threading.Thread):
    """Copies what the run prints to the job's log and tells it live, some lines at a time.

    Attributes:
        heard: when the run last printed, by the monotonic clock.
    """

    def __init__(self, jobs: JobStore, job: Job, process: Process) -> None:
        super().__init__(daemon=True, name=f"log-{job.id}")
        self._jobs = jobs
        self._job = job
        self._process = process
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self.heard = time.monotonic()

    def run(self) -> None:
        """Read until the run closes its output, whether or not it can be kept: the run would block otherwise."""
        output: IO[bytes] | None = self._process.stdout
        assert output is not None
        done = threading.Event()
        flusher = threading.Thread(target=self._flush_until, args=(done,), daemon=True)
        flusher.start()
        file: IO[bytes] | None = None
        with suppress(OSError):
            file = self._jobs.log_path(self._job.id).open("ab", buffering=0)
        try:
            for line in output:
                self.heard = time.monotonic()
                with suppress(OSError):
                    if file is not None:
                        file.write(line)
                with self._lock:
                    self._lines.append(line.decode("utf-8", "replace").rstrip()[:_LINE_LENGTH])
        finally:
            output.close()
            if file is not None:
                file.close()
            done.set()
            flusher.join()

    def _flush_until(self, done: threading.Event) -> None:
        while not done.wait(_LOG_GAP_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines:
            return
        for start in range(0, len(lines), _LINES):
            data: dict[str, Any] = {"lines": lines[start : start + _LINES]}
            with suppress(Refused, StudioError, OSError):
                publish(self._jobs, self._job.id, "log", data, epoch=self._job.epoch)
