"""Supervisors when the disk is full, the run hangs, or the system takes it away."""

import errno
import threading
import time
from collections.abc import Callable

import pytest

from shared.bus import process, supervisor
from shared.bus.supervisor import Supervisor
from shared.errors import DiskFull
from shared.schemas.job import Job, JobStatus
from shared.settings import Settings
from shared.store.jobs import JobStore
from shared.store.lifecycle import Command, Renew, RequestCancel
from tests.bus.test_supervisor import run_pids

pytestmark = pytest.mark.slow
NewJob = Callable[..., Job]
Supervise = Callable[..., Job]
Background = Callable[..., threading.Thread]


def refuse_renewals(monkeypatch: pytest.MonkeyPatch, jobs: JobStore, error: Exception, times: int) -> list[Command]:
    """Let the next renewals fail; return the list the refused ones are put in."""
    refused: list[Command] = []
    apply = jobs.apply

    def failing(job_id: str, command: Command) -> Job:
        if isinstance(command, Renew) and len(refused) < times:
            refused.append(command)
            raise error
        return apply(job_id, command)

    monkeypatch.setattr(jobs, "apply", failing)
    return refused


@pytest.mark.parametrize("error", [DiskFull("disk_full", "Full."), OSError(errno.EIO, "away")], ids=["full", "away"])
def test_a_disk_that_fails_for_a_moment_does_not_end_the_run(
    jobs: JobStore, new_job: NewJob, supervise: Supervise, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    refused = refuse_renewals(monkeypatch, jobs, error, 2)
    job = supervise(new_job("count", steps=30))
    assert (job.status, job.deaths, len(refused)) == (JobStatus.SUCCEEDED, [], 2)


def test_a_run_whose_lease_cannot_be_renewed_is_ended_before_another_may_start(
    jobs: JobStore, new_job: NewJob, settings: Settings, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_renewals(monkeypatch, jobs, DiskFull("disk_full", "Full."), 999)
    monkeypatch.setattr(jobs, "newest", lambda *_: None)
    job = new_job("deaf")
    thread = threading.Thread(target=supervise, args=(job,))
    began = time.monotonic()
    thread.start()
    thread.join(timeout=settings.lease + 3)
    assert time.monotonic() - began < settings.lease + 1
    assert not run_pids(job)
    assert [death.cause for death in jobs.get(job.id).deaths] == ["worker_lost"]


def test_an_error_of_the_supervisor_leaves_no_run_behind(
    jobs: JobStore, new_job: NewJob, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        time.sleep(1)
        raise ZeroDivisionError

    monkeypatch.setattr(Supervisor, "_watch", broken)
    job = new_job("deaf")
    with pytest.raises(ZeroDivisionError):
        Supervisor(jobs, settings, "test", lambda: False).work(job.kind, "tests.support.scripted_run")
    assert not run_pids(job)


def test_a_run_that_cannot_be_started_gives_the_job_back(
    new_job: NewJob, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAGAIN, "too many processes")

    monkeypatch.setattr(supervisor, "spawn", refuse)
    job = supervise(new_job("count"))
    assert (job.status, job.deaths[0].cause) == (JobStatus.QUEUED, "crashed")


def test_news_that_cannot_be_told_do_not_stop_the_work(
    jobs: JobStore, new_job: NewJob, supervise: Supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull("disk_full", "Full.")

    monkeypatch.setattr(jobs, "append_event", full)
    assert supervise(new_job("count")).status is JobStatus.SUCCEEDED


def test_a_run_that_says_nothing_any_more_is_stalled(jobs: JobStore, new_job: NewJob, settings: Settings) -> None:
    job = new_job("deaf")
    impatient = settings.model_copy(update={"stall": 4.0})
    Supervisor(jobs, impatient, "test", lambda: False).work(job.kind, "tests.support.scripted_run")
    after = jobs.get(job.id)
    assert (after.status, after.deaths[0].cause) == (JobStatus.QUEUED, "stalled")
    assert not run_pids(job)


def test_a_run_that_keeps_talking_is_not_stalled(jobs: JobStore, new_job: NewJob, settings: Settings) -> None:
    job = new_job("count", steps=100)
    patient = settings.model_copy(update={"stall": 4.0})
    Supervisor(jobs, patient, "test", lambda: False).work(job.kind, "tests.support.scripted_run")
    assert jobs.get(job.id).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(("counts", "cause"), [([(3, 7), (3, 8)], "out_of_memory"), ([(3, 7), (3, 7)], "killed")])
def test_a_kill_for_want_of_memory_is_told_from_others(
    new_job: NewJob,
    supervise: Supervise,
    monkeypatch: pytest.MonkeyPatch,
    counts: list[tuple[int, int]],
    cause: str,
) -> None:
    monkeypatch.setattr(supervisor, "oom_kills", lambda: counts.pop(0))
    job = supervise(new_job("die"))
    assert (job.deaths[0].cause, counts) == (cause, [])


def test_a_cancelled_run_is_terminated_before_it_is_killed(
    jobs: JobStore, new_job: NewJob, in_background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def recording(name: str, send: Callable[..., None]) -> Callable[..., None]:
        def act(*args: object) -> None:
            sent.append(name)
            send(*args)

        return act

    monkeypatch.setattr(supervisor, "signal_group", recording("TERM", process.signal_group))
    monkeypatch.setattr(supervisor, "kill", recording("KILL", process.kill))
    job = new_job("deaf")
    thread = in_background(job)
    jobs.apply(job.id, RequestCancel())
    thread.join(timeout=15)
    assert sent[:2] == ["TERM", "KILL"]
    assert jobs.get(job.id).status is JobStatus.CANCELLED
    assert not run_pids(job)
