"""What the reconciler puts right, against a real Redis."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.bus.connection import connection
from shared.bus.doorbell import ring, ringing
from shared.bus.events import publish, replay
from shared.bus.reconciler import reconcile
from shared.schemas.base import utc_now
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, RequestCancel

pytestmark = pytest.mark.slow
NewJob = Callable[..., Job]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Put the clock of the reconciler and the store ahead by ten minutes."""

    def ahead() -> None:
        for module in ("shared.store.jobs", "shared.bus.reconciler"):
            monkeypatch.setattr(f"{module}.utc_now", lambda: utc_now() + timedelta(minutes=10))

    return ahead


def test_a_lost_ring_is_repeated_once(jobs: JobStore, new_job: NewJob, later: Callable[[], None]) -> None:
    job = new_job("count")
    later()
    for _ in range(3):
        reconcile(jobs)
    assert ringing(JobKind.TRAINING) == {job.id}
    assert connection().llen("training") == 1


def test_a_wiped_redis_loses_no_job(jobs: JobStore, new_job: NewJob, later: Callable[[], None]) -> None:
    queued = [new_job("count") for _ in range(3)]
    for job in queued:
        assert ring(job)
    connection().flushall()
    later()
    reconcile(jobs)
    assert ringing(JobKind.TRAINING) == {job.id for job in queued}


def test_a_job_whose_worker_died_is_queued_and_rung_again(
    jobs: JobStore, new_job: NewJob, later: Callable[[], None]
) -> None:
    job = jobs.apply(new_job("count").id, Claim("dead", 1))
    later()
    reconcile(jobs)
    freed = jobs.get(job.id)
    assert (freed.status, freed.deaths[0].cause) == (JobStatus.QUEUED, "worker_lost")
    assert job.id in ringing(JobKind.TRAINING)


def test_a_living_worker_is_left_alone(jobs: JobStore, new_job: NewJob) -> None:
    job = jobs.apply(new_job("count").id, Claim("alive", 60))
    reconcile(jobs)
    assert jobs.get(job.id) == job


def test_a_cancelled_job_is_never_revived(jobs: JobStore, new_job: NewJob, later: Callable[[], None]) -> None:
    job = new_job("count")
    jobs.apply(job.id, Claim("dead", 1))
    jobs.apply(job.id, RequestCancel())
    later()
    reconcile(jobs)
    assert jobs.get(job.id).status is JobStatus.CANCELLED
    assert not ringing(JobKind.TRAINING)


def test_replay_is_complete_with_and_without_redis(jobs: JobStore, new_job: NewJob) -> None:
    job = new_job("count")
    for number in range(20):
        publish(jobs, job.id, "progress", {"n": number})
    assert [event.seq for event in replay(jobs, job.id, 15)] == [16, 17, 18, 19, 20]
    connection().flushall()
    assert [event.seq for event in replay(jobs, job.id, 0)] == list(range(1, 21))
    publish(jobs, job.id, "progress", {"n": 20})
    assert [event.seq for event in replay(jobs, job.id, 18)] == [19, 20, 21]
