"""In which order waiting jobs are taken, whatever the rings say."""

from collections.abc import Callable

import pytest

from shared.bus.connection import connection
from shared.bus.doorbell import ring
from shared.bus.reconciler import reconcile
from shared.bus.supervisor import Supervisor
from shared.schemas.job import Job, JobKind, JobStatus
from shared.settings import Settings
from shared.store.jobs import JobStore
from shared.store.lifecycle import Move, RequestCancel
from tests.support.clock import next_moment

pytestmark = pytest.mark.slow
NewJob = Callable[..., Job]


def answer_a_ring(jobs: JobStore, settings: Settings) -> None:
    Supervisor(jobs, settings, "test", lambda: False).work(JobKind.TRAINING, "tests.support.scripted_run")


def started(jobs: JobStore) -> list[str]:
    done = [job for job in jobs.list() if job.started_at]
    return [job.id for job in sorted(done, key=lambda job: job.started_at or job.created_at)]


def test_the_order_of_the_queue_counts_and_not_that_of_the_rings(
    jobs: JobStore, new_job: NewJob, settings: Settings
) -> None:
    made = []
    for _ in range(4):
        made.append(new_job("count", steps=1))
        next_moment()
    first, second, third, dropped = made
    jobs.apply(third.id, Move(first.place - 1))
    jobs.apply(dropped.id, RequestCancel())
    assert [job.id for job in jobs.waiting(JobKind.TRAINING)] == [third.id, first.id, second.id]
    for _ in range(5):  # one ring is doubled, and that of the cancelled job comes too
        answer_a_ring(jobs, settings)
    assert started(jobs) == [third.id, first.id, second.id]
    assert {job.status for job in jobs.list()} == {JobStatus.SUCCEEDED, JobStatus.CANCELLED}


def test_a_ring_that_a_busy_worker_holds_back_is_repeated_for_the_others(
    jobs: JobStore, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job("count")
    ring(job)
    message = connection().lpop("training")
    connection().hset("unacked", "tag", message)  # as Celery keeps what it has fetched ahead
    monkeypatch.setattr("shared.bus.reconciler._SETTLE_S", -1)
    for _ in range(3):
        reconcile(jobs)
    assert connection().llen("training") == 1
