"""The worker's side of a job: claim it, start its run as a process of its own, keep the lease, see it to its end.

The supervisor never imports torch and holds no state that matters: whatever dies, the job's file and the reconciler
put it right.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from shared.bus.doorbell import ring
from shared.bus.events import publish, publish_status
from shared.errors import NotFound
from shared.schemas.job import Job, JobError, JobStatus, Outcome, Progress
from shared.settings import Settings
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, Command, EndCancelled, Fail, Lose, Refused, Renew, Succeed, Yield

log = logging.getLogger(__name__)
_TICK_S = 0.2
_LOG_GAP_S = 0.3
_LINE_LENGTH = 2000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)

# Threads that wait for each other by spinning make a training more than ten times slower as soon as anything else
# wants the processor, be it a second run or the browser.
_RUN_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


@dataclass(slots=True)
class _Ending:
    """When the run was asked to end, and why."""

    since: float
    why: str


class Supervisor:
    """Sees one job through."""

    def __init__(self, jobs: JobStore, settings: Settings, owner: str, shutting_down: Callable[[], bool]) -> None:
        self._jobs = jobs
        self._settings = settings
        self._owner = owner
        self._shutting_down = shutting_down

    def work(self, job_id: str, module: str) -> None:
        """Claim the job and run `python -m module job_id`; returns when the job left this worker's hands."""
        if self._shutting_down():
            return
        try:
            job = self._jobs.apply(job_id, Claim(self._owner, self._settings.lease))
        except (Refused, NotFound) as reason:
            log.info("dropped the ring for %s: %s", job_id, reason)
            return
        publish_status(self._jobs, job)
        process = _spawn(module, job)
        teller = _LogTeller(self._jobs, job, process)
        teller.start()
        why = self._watch(job, process)
        teller.join(timeout=5)
        self._conclude(job, process.returncode, why)

    def _watch(self, job: Job, process: "subprocess.Popen[bytes]") -> str | None:
        """Keep the lease until the run has ended; return why it was made to, if it was."""
        renewed = time.monotonic()
        ending: _Ending | None = None
        while process.poll() is None:
            time.sleep(_TICK_S)
            now = time.monotonic()
            if now - renewed >= self._settings.lease_renewal:
                renewed = now
                if not self._renew(job):
                    _kill(process)
                    return "lost"
            ending = ending or self._asked_to_end(job, process, now)
            if ending and now - ending.since > self._settings.grace:
                _kill(process)
        return ending.why if ending else None

    def _asked_to_end(self, job: Job, process: "subprocess.Popen[bytes]", now: float) -> _Ending | None:
        if self._shutting_down():
            process.send_signal(signal.SIGTERM)
            return _Ending(now, "shutdown")
        try:
            current = self._jobs.get(job.id)
        except NotFound:
            _kill(process)
            return _Ending(now, "lost")
        return _Ending(now, "cancel") if current.cancel_requested else None

    def _renew(self, job: Job) -> bool:
        try:
            self._jobs.apply(job.id, Renew(job.epoch, self._settings.lease, self._newest_progress(job)))
        except (Refused, NotFound):
            return False
        return True

    def _newest_progress(self, job: Job) -> Progress | None:
        newest = self._jobs.newest(job.id, "progress")
        return Progress.model_validate(newest.data) if newest else None

    def _conclude(self, job: Job, returncode: int, why: str | None) -> None:
        outcome = self._jobs.outcome(job.id, job.epoch)
        try:
            if progress := self._newest_progress(job):
                self._jobs.apply(job.id, Renew(job.epoch, self._settings.lease, progress))
            ended = self._jobs.apply(job.id, _command(job, outcome, returncode, why))
        except (Refused, NotFound) as reason:
            log.info("%s is not this worker's any more: %s", job.id, reason)
            return
        publish_status(self._jobs, ended)
        if ended.status is JobStatus.QUEUED:
            ring(ended)


def _command(job: Job, outcome: Outcome | None, returncode: int, why: str | None) -> Command:
    """Return what the end of a run means for its job."""
    if outcome is None:
        return _death(job, returncode, why)
    match outcome.status:
        case "succeeded":
            return Succeed(job.epoch, outcome.result)
        case "cancelled":
            return EndCancelled(job.epoch, outcome.result)
        case "yielded":
            return Yield(job.epoch)
        case "failed":
            error = outcome.error or JobError(code="internal_error", message="The run failed without a word.")
            return Fail(job.epoch, error)


def _death(job: Job, returncode: int, why: str | None) -> Command:
    """The run ended without leaving an outcome."""
    if why == "cancel":
        return EndCancelled(job.epoch)
    if why == "shutdown":
        return Yield(job.epoch)
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return Lose(job.epoch, "killed", f"The process of this run was ended by {name}.")
    return Lose(job.epoch, "crashed", f"The process of this run ended with status {returncode}.")


def _spawn(module: str, job: Job) -> "subprocess.Popen[bytes]":
    """Start the run in its own process group; it dies with this process."""
    parent = os.getpid()

    def die_with_parent() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    environment = {**_RUN_ENVIRONMENT, **os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", module, job.id],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the run with everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


class _LogTeller(threading.Thread):
    """Copies what the run prints to the job's log and tells it live, some lines at a time."""

    def __init__(self, jobs: JobStore, job: Job, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(daemon=True, name=f"log-{job.id}")
        self._jobs = jobs
        self._job = job
        self._process = process
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        """Read until the run closes its output."""
        output: IO[bytes] | None = self._process.stdout
        assert output is not None
        done = threading.Event()
        flusher = threading.Thread(target=self._flush_until, args=(done,), daemon=True)
        flusher.start()
        try:
            with output, self._jobs.log_path(self._job.id).open("ab") as file:
                for line in output:
                    with suppress(OSError):  # a full disk must not stop the reading: the run would block
                        file.write(line)
                        file.flush()
                    with self._lock:
                        self._lines.append(line.decode("utf-8", "replace").rstrip()[:_LINE_LENGTH])
        finally:
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
        data: dict[str, Any] = {"lines": lines[-200:]}
        try:
            publish(self._jobs, self._job.id, "log", data, epoch=self._job.epoch)
        except (Refused, NotFound, OSError):
            return
