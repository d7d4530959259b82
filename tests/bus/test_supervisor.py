"""Supervisors with real runs as real processes, and everything that may go wrong with them."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from shared.bus.doorbell import ringing
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, Expire, RequestCancel, RequestStop

pytestmark = pytest.mark.slow
NewJob = Callable[..., Job]
Supervise = Callable[..., Job]
Background = Callable[..., threading.Thread]


def run_pids(job: Job) -> list[int]:
    """Return the processes that run the job."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if job.id.encode() in file.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


def test_a_job_is_done_and_everything_it_said_is_kept(jobs: JobStore, new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(new_job("count"))
    assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, {"attempt": 1}, 1)
    assert job.progress is not None
    assert (job.progress.done, job.progress.unit) == (3, "numbers")
    events = list(jobs.events(job.id))
    assert [event.data["status"] for event in events if event.name == "job"] == ["running", "succeeded"]
    assert any("the last word" in event.data["lines"] for event in events if event.name == "log")
    assert "the last word" in jobs.log_path(job.id).read_text()


def test_a_second_ring_does_nothing(jobs: JobStore, new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(new_job("count"))
    assert supervise(job) == job


def test_a_refusal_fails_at_once_with_its_words(new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(new_job("refuse"))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message, job.error.hint) == ("wrong", "This is wrong.", "Do it right.")


def test_a_fault_of_ours_fails_with_its_traceback(new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(new_job("crash"))
    assert job.error is not None
    assert job.error.code == "internal_error"
    assert "ZeroDivisionError" in (job.error.traceback or "")


def test_a_killed_run_is_queued_and_rung_again_and_then_succeeds(new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(new_job("die", times=1))
    assert (job.status, len(job.deaths), job.deaths[0].cause) == (JobStatus.QUEUED, 1, "killed")
    assert job.id in ringing(JobKind.TRAINING)
    job = supervise(job)
    assert (job.status, job.result) == (JobStatus.SUCCEEDED, {"attempt": 2})


def test_two_equal_deaths_are_not_tried_again(new_job: NewJob, supervise: Supervise) -> None:
    job = supervise(supervise(new_job("die")))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, "same step" in job.error.message) == ("killed", True)


def test_three_deaths_that_get_further_are_the_end(new_job: NewJob, supervise: Supervise) -> None:
    job = new_job("die", further=True)
    for _ in range(3):
        job = supervise(job)
    assert (job.status, len(job.deaths)) == (JobStatus.FAILED, 3)


def test_a_run_that_ends_without_a_word_counts_as_crashed(new_job: NewJob, supervise: Supervise) -> None:
    assert supervise(new_job("exit")).deaths[0].cause == "crashed"


def test_cancel_ends_a_run_in_order(jobs: JobStore, new_job: NewJob, in_background: Background) -> None:
    job = new_job("wait")
    thread = in_background(job)
    began = time.monotonic()
    jobs.apply(job.id, RequestCancel())
    thread.join(timeout=10)
    assert jobs.get(job.id).status is JobStatus.CANCELLED
    assert time.monotonic() - began < 3
    assert not run_pids(job)


def test_stop_keeps_what_the_run_has(jobs: JobStore, new_job: NewJob, in_background: Background) -> None:
    job = new_job("wait")
    thread = in_background(job)
    jobs.apply(job.id, RequestStop())
    thread.join(timeout=10)
    ended = jobs.get(job.id)
    assert (ended.status, ended.result) == (JobStatus.CANCELLED, {"attempt": 1})


def test_a_deaf_run_is_killed_after_the_grace_period(
    jobs: JobStore, new_job: NewJob, in_background: Background
) -> None:
    job = new_job("deaf")
    thread = in_background(job)
    jobs.apply(job.id, RequestCancel())
    thread.join(timeout=15)
    assert jobs.get(job.id).status is JobStatus.CANCELLED
    assert not run_pids(job)


def test_a_shutdown_puts_the_job_back_without_counting(
    jobs: JobStore, new_job: NewJob, in_background: Background
) -> None:
    job = new_job("wait")
    ending = threading.Event()
    thread = in_background(job, ending.is_set)
    ending.set()
    thread.join(timeout=10)
    back = jobs.get(job.id)
    assert (back.status, back.attempt, back.deaths) == (JobStatus.QUEUED, 0, [])
    assert not run_pids(job)


def test_a_supervisor_that_lost_the_job_ends_its_run_and_publishes_nothing(
    jobs: JobStore, new_job: NewJob, in_background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job("deaf")
    thread = in_background(job)
    late = jobs.get(job.id).lease_until
    assert late is not None
    monkeypatch.setattr("shared.store.jobs.utc_now", lambda: late.replace(year=late.year + 1))
    jobs.apply(job.id, Expire())
    monkeypatch.undo()
    jobs.apply(job.id, Claim("another", 60))
    thread.join(timeout=15)
    after = jobs.get(job.id)
    assert (after.status, after.owner, after.epoch) == (JobStatus.RUNNING, "another", 2)
    assert not run_pids(job)
