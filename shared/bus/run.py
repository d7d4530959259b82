"""The run's side of a job: a fresh process that does the work and says how it goes.

`main` is the whole life of such a process. What it was given, how far it is and whether it should end goes through
`Run`; how it ended is left on disk for the supervisor.
"""

import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from shared.bus import events
from shared.errors import DiskFull, NotFound, StudioError
from shared.schemas.job import EventName, Job, JobError, Offer, Outcome, Progress
from shared.settings import Settings, get_settings
from shared.store.files import disk_errors
from shared.store.lifecycle import Finalize, Refused
from shared.store.workspace import Workspace

_MIN_PROGRESS_GAP_S = 0.25
_FLAG_CHECK_GAP_S = 0.5


class Cancelled(Exception):
    """The run was asked to end and its results are not wanted."""


class Yielded(Exception):
    """The worker shuts down; the job goes on elsewhere from what was saved."""


class Run:
    """A job in the hands of its run."""

    def __init__(self, workspace: Workspace, job: Job, settings: Settings) -> None:
        self.workspace = workspace
        self.job = job
        self.settings = settings
        self._told = 0.0
        self._looked = 0.0
        self._flags = job
        self._terminated = False
        self._finalizing = False
        self._phase: tuple[str, float, float] | None = None
        self.ended_early = False
        """Set by the work when it ended because of `stop_requested`."""

    @property
    def payload(self) -> dict[str, Any]:
        """What to do."""
        return self.job.payload

    @property
    def stop_requested(self) -> bool:
        """Whether to end after the current batch and keep what there is."""
        return self._look().stop_requested

    @property
    def yield_requested(self) -> bool:
        """Whether the worker shuts down and the job should be put back."""
        return self._terminated and not self.stop_requested

    def check(self) -> None:
        """Raise when the run should end now.

        Raises:
            Cancelled: a person cancelled, or the job was given to another run.
            Yielded: the worker shuts down.
        """
        job = self._look()
        if job.cancel_requested and not job.stop_requested:
            raise Cancelled
        if self.yield_requested:
            raise Yielded

    def progress(
        self,
        phase: str,
        done: float,
        total: float | None = None,
        *,
        unit: str = "",
        message: str = "",
        values: dict[str, float] | None = None,
    ) -> None:
        """Tell how far the run is, at most four times a second; the first and the last of a phase always.

        `values` are figures to show live, such as the loss.
        """
        now = time.monotonic()
        if self._phase is None or self._phase[0] != phase:
            self._phase = (phase, now, done)
            self._told = 0.0
        if now - self._told < _MIN_PROGRESS_GAP_S and done != total:
            return
        self._told = now
        _, since, start = self._phase
        rate = (done - start) / (now - since) if now > since and done > start else None
        eta = (total - done) / rate if rate and total is not None else None
        told = Progress(
            phase=phase, done=done, total=total, unit=unit, message=message, rate=rate, eta_s=eta, values=values or {}
        )
        self.emit("progress", told.model_dump(mode="json"))

    def emit(self, name: EventName, data: dict[str, Any]) -> None:
        """Publish an event of this run.

        Progress, log lines and telemetry that find no room on the disk are dropped: the work itself may still fit.

        Raises:
            Cancelled: the job was given to another run or deleted.
            DiskFull: there is no room for an event that must be kept.
        """
        try:
            with disk_errors():
                events.publish(self.workspace.jobs, self.job.id, name, data, epoch=self.job.epoch)
        except (Refused, NotFound) as error:
            raise Cancelled from error
        except (DiskFull, OSError) as error:
            if name not in ("progress", "log", "telemetry"):
                raise
            logging.getLogger(__name__).debug("dropped an event: %s", error)

    def fence(self) -> None:
        """Call right before publishing an artifact.

        Raises:
            Cancelled: the job is not this run's any more, or a person cancelled it.
        """
        self._looked = 0.0
        job = self._look()
        if job.cancel_requested and not job.stop_requested:
            raise Cancelled

    def finalize(self) -> None:
        """Call right before publishing the results of the whole run; later calls do nothing.

        Raises:
            Cancelled: the job is not this run's any more, or a person cancelled it.
        """
        if self._finalizing:
            return
        try:
            self.workspace.jobs.apply(self.job.id, Finalize(self.job.epoch))
        except (Refused, NotFound) as error:
            raise Cancelled from error
        self._finalizing = True

    def _look(self) -> Job:
        now = time.monotonic()
        if now - self._looked >= _FLAG_CHECK_GAP_S:
            self._looked = now
            try:
                self._flags = self.workspace.jobs.get(self.job.id)
            except NotFound as error:
                raise Cancelled from error
            if self._flags.epoch != self.job.epoch or not self._flags.status.live:
                raise Cancelled
        return self._flags

    def terminate(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler: remember that the worker shuts down."""
        self._terminated = True


Work = Callable[[Run], dict[str, Any] | None]


def main(work: Work) -> int:
    """Run the job named on the command line and leave its outcome; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    settings = get_settings()
    workspace = Workspace(settings.workspace)
    job = workspace.jobs.get(sys.argv[1])
    run = Run(workspace, job, settings)
    signal.signal(signal.SIGTERM, run.terminate)
    outcome = _attempt(run, work)
    workspace.jobs.write_outcome(job.id, outcome)
    return 0


def _attempt(run: Run, work: Work) -> Outcome:
    epoch = run.job.epoch
    try:
        result = work(run)
        status = "cancelled" if run.ended_early else "succeeded"
        run.finalize()
    except Cancelled:
        return Outcome(epoch=epoch, status="cancelled")
    except Yielded:
        return Outcome(epoch=epoch, status="yielded")
    except StudioError as error:
        logging.error("%s", error.message)
        offer = Offer.model_validate(error.offer) if error.offer else None
        told = JobError(code=error.code, message=error.message, hint=error.hint, offer=offer)
        return Outcome(epoch=epoch, status="failed", error=told)
    except BaseException as error:
        traceback.print_exc()
        return Outcome(epoch=epoch, status="failed", error=_unexpected(error))
    return Outcome.model_validate({"epoch": epoch, "status": status, "result": result})


def _unexpected(error: BaseException) -> JobError:
    trace = traceback.format_exc()
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        hint = "Use a smaller batch size or image size, or close other programs that use the device."
        message = f"The device ran out of memory: {error}".strip()
        return JobError(code="out_of_memory", message=message, hint=hint, traceback=trace)
    message = f"{type(error).__name__}: {error}"
    hint = "This is a fault of the studio. Please report it with the traceback."
    return JobError(code="internal_error", message=message, hint=hint, traceback=trace)


def figures(metrics: Mapping[str, float | None]) -> str:
    """Return metrics as one line of a log."""
    return ", ".join(f"{key} {value:.4f}" for key, value in metrics.items() if value is not None)
