"""The worker's side of a job: claim it, start its run as a process of its own, keep the lease, see it to its end.

The supervisor never imports torch and holds no state that matters: whatever dies, the job's file and the reconciler
put it right. A disk that is full or away for a moment costs a run nothing; one that stays away costs it the lease.
"""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import SubprocessError
from typing import Literal

from shared.bus.doorbell import ring
from shared.bus.events import try_publish_status
from shared.bus.process import LogTeller, Process, kill, oom_kills, signal_group, spawn
from shared.errors import NotFound, StudioError
from shared.schemas.job import Job, JobError, JobKind, JobStatus, Outcome, Progress
from shared.settings import Settings
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, Command, EndCancelled, Fail, Lose, Refused, Renew, Succeed, Yield

log = logging.getLogger(__name__)
_TICK_S = 0.2
_RETRY_S = 0.5
_STORE_ERRORS = (StudioError, OSError, ValueError)

Why = Literal["cancel", "shutdown", "lost", "stalled", "out_of_memory"]


@dataclass(slots=True)
class _Ending:
    """When the run was asked to end, and why."""

    since: float
    why: Why
    terminated: bool = False


class _Watch:
    """What the supervisor knows of a run: when its lease was renewed, when it last said something, how it is to end."""

    def __init__(self, job: Job, process: Process, teller: LogTeller, claimed: float) -> None:
        self.job = job
        self.process = process
        self.teller = teller
        self.renewed = claimed
        self.tried = claimed
        self.ending: _Ending | None = None
        self._said = 0
        self._heard = time.monotonic()

    def silent_for(self, jobs: JobStore) -> float:
        """Return for how many seconds the run has neither printed nor told anything."""
        now = time.monotonic()
        try:
            said = jobs.last_seq(self.job.id)
        except _STORE_ERRORS:
            said = self._said
        if said != self._said:
            self._said, self._heard = said, now
        return now - max(self._heard, self.teller.heard)


class Supervisor:
    """Sees one job through."""

    def __init__(self, jobs: JobStore, settings: Settings, owner: str, shutting_down: Callable[[], bool]) -> None:
        self._jobs = jobs
        self._settings = settings
        self._owner = owner
        self._shutting_down = shutting_down

    def work(self, kind: JobKind, module: str) -> None:
        """Claim the first job that waits and run `python -m module <job>`; returns when it left this worker's hands."""
        if self._shutting_down():
            return
        claimed = time.monotonic()
        if (job := self._claim_first(kind)) is None:
            return
        try_publish_status(self._jobs, job)
        kills = oom_kills()
        try:
            process = spawn(module, job)
        except (OSError, RuntimeError, SubprocessError) as error:
            self._end(job, Lose(job.epoch, "crashed", f"The process of this run could not be started: {error}."))
            return
        teller = LogTeller(self._jobs, job, process)
        try:
            teller.start()
            why = self._watch(_Watch(job, process, teller, claimed))
        finally:
            kill(process)
        teller.join(timeout=5)
        if why is None and process.returncode == -signal.SIGKILL and _grew(kills, oom_kills()):
            why = "out_of_memory"
        self._conclude(job, process.returncode, why)

    def _claim_first(self, kind: JobKind) -> Job | None:
        """Return the first job in the order of the queue that no other worker takes before; None when none waits.

        Which job the ring was for does not matter: a free worker is what all of them wait for.
        """
        try:
            waiting = self._jobs.waiting(kind)
        except OSError as error:
            log.warning("dropped a ring: %s", error)
            return None
        for job in waiting:
            try:
                return self._jobs.apply(job.id, Claim(self._owner, self._settings.lease))
            except (Refused, StudioError, OSError) as reason:
                log.info("could not claim %s: %s", job.id, reason)
        return None

    def _watch(self, watch: _Watch) -> Why | None:
        """Keep the lease until the run has ended; return why it was made to, if it was."""
        while watch.process.poll() is None:
            time.sleep(_TICK_S)
            now = time.monotonic()
            if now - watch.tried >= self._settings.lease_renewal:
                watch.tried = now
                if not self._renew(watch):
                    return "lost"
                if watch.silent_for(self._jobs) > self._settings.stall:
                    return watch.ending.why if watch.ending else "stalled"
            watch.ending = watch.ending or self._asked_to_end(watch, now)
            if watch.ending:
                self._press(watch.process, watch.ending, now)
        return watch.ending.why if watch.ending else None

    def _asked_to_end(self, watch: _Watch, now: float) -> _Ending | None:
        if self._shutting_down():
            watch.process.send_signal(signal.SIGTERM)
            return _Ending(now, "shutdown", terminated=True)
        try:
            current = self._jobs.get(watch.job.id)
        except NotFound:
            kill(watch.process)
            return _Ending(now, "lost")
        except _STORE_ERRORS:
            return None
        return _Ending(now, "cancel") if current.cancel_requested else None

    def _press(self, process: Process, ending: _Ending, now: float) -> None:
        """The run has been asked to end: terminate it after half the grace period, kill it after all of it."""
        waited = now - ending.since
        if waited > self._settings.grace:
            kill(process)
        elif waited > self._settings.grace / 2 and not ending.terminated:
            ending.terminated = True
            signal_group(process, signal.SIGTERM)

    def _renew(self, watch: _Watch) -> bool:
        """Renew the lease; False when the job is not this worker's any more, or may soon be another's."""
        job, asked = watch.job, time.monotonic()
        try:
            self._jobs.apply(job.id, Renew(job.epoch, self._settings.lease, self._newest_progress(job)))
        except (Refused, NotFound):
            return False
        except _STORE_ERRORS as error:
            log.warning("could not renew the lease of %s: %s", job.id, error)
            return asked + self._settings.lease_renewal < watch.renewed + self._settings.lease
        watch.renewed = asked
        return True

    def _newest_progress(self, job: Job) -> Progress | None:
        try:
            newest = self._jobs.newest(job.id, "progress")
        except _STORE_ERRORS:
            return None
        return Progress.model_validate(newest.data) if newest else None

    def _conclude(self, job: Job, returncode: int, why: Why | None) -> None:
        try:
            outcome = self._jobs.outcome(job.id, job.epoch)
        except _STORE_ERRORS as error:
            log.warning("could not read how %s ended: %s", job.id, error)
            outcome = None
        self._end(job, _command(job, outcome, returncode, why))

    def _end(self, job: Job, command: Command) -> None:
        """Store how the run ended, for as long as the lease leaves time to try."""
        until = time.monotonic() + self._settings.lease
        while True:
            try:
                if progress := self._newest_progress(job):
                    self._jobs.apply(job.id, Renew(job.epoch, self._settings.lease, progress))
                ended = self._jobs.apply(job.id, command)
                break
            except (Refused, NotFound) as reason:
                log.info("%s is not this worker's any more: %s", job.id, reason)
                return
            except _STORE_ERRORS as error:
                log.warning("could not store how %s ended: %s", job.id, error)
                if time.monotonic() > until:
                    return
                time.sleep(_RETRY_S)
        try_publish_status(self._jobs, ended)
        if ended.status is JobStatus.QUEUED:
            ring(ended)


def _command(job: Job, outcome: Outcome | None, returncode: int, why: Why | None) -> Command:
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
        case "failed" if why == "cancel":  # what broke while it was being ended is no failure of the job
            return EndCancelled(job.epoch, outcome.result)
        case "failed":
            error = outcome.error or JobError(code="internal_error", message="The run failed without a word.")
            return Fail(job.epoch, error)


def _death(job: Job, returncode: int, why: Why | None) -> Command:
    """The run ended without leaving an outcome."""
    match why:
        case "cancel":
            return EndCancelled(job.epoch)
        case "shutdown":
            return Yield(job.epoch)
        case "lost":
            return Lose(job.epoch, "worker_lost", "The worker could not keep its hold on the job.")
        case "stalled":
            return Lose(job.epoch, "stalled", "The run said nothing for too long and was ended.")
        case "out_of_memory":
            return Lose(job.epoch, "out_of_memory", "The system ran out of memory and ended the run.")
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return Lose(job.epoch, "killed", f"The process of this run was ended by {name}.")
    return Lose(job.epoch, "crashed", f"The process of this run ended with status {returncode}.")


def _grew(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    return any(now > then for then, now in zip(before, after, strict=True))
