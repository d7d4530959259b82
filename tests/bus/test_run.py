"""A run's side of a job when the disk is full, Redis hangs or the job is not wanted any more."""

import errno
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from shared.bus import events
from shared.bus.connection import connection
from shared.bus.run import Cancelled, Run
from shared.errors import DiskFull
from shared.schemas.job import Job, JobStatus
from shared.settings import Settings
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, RequestCancel, RequestStop
from shared.store.workspace import Workspace

pytestmark = pytest.mark.slow
NewJob = Callable[..., Job]


@pytest.fixture
def run(settings: Settings, jobs: JobStore, new_job: NewJob) -> Run:
    """The run of a job that a worker has claimed."""
    job = jobs.apply(new_job("count").id, Claim("test", 60))
    return Run(Workspace(settings.workspace), job, settings)


@pytest.fixture
def hanging_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = connection(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        client.connection_pool.connection_kwargs["socket_timeout"] = 0.3
        monkeypatch.setattr(events, "connection", lambda: client)
        yield


def test_a_full_disk_drops_progress_and_refuses_epochs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(run.workspace.jobs, "append_event", full)
    run.progress("training", 1)
    run.emit("log", {"lines": ["a word"]})
    with pytest.raises(DiskFull):
        run.emit("epoch", {"epoch": 1})


def test_a_deleted_job_cancels_its_run(run: Run, jobs: JobStore) -> None:
    jobs.delete(run.job.id)
    for act in (lambda: run.emit("log", {"lines": []}), run.fence, run.finalize):
        with pytest.raises(Cancelled):
            act()


def test_nothing_is_published_after_a_cancel(run: Run, jobs: JobStore) -> None:
    jobs.apply(run.job.id, RequestCancel())
    for act in (run.fence, run.finalize):
        with pytest.raises(Cancelled):
            act()
    assert jobs.get(run.job.id).status is JobStatus.RUNNING


def test_a_stopped_run_publishes_what_it_has(run: Run, jobs: JobStore) -> None:
    jobs.apply(run.job.id, RequestStop())
    run.fence()
    run.finalize()
    run.finalize()
    assert jobs.get(run.job.id).status is JobStatus.FINALIZING


def test_a_redis_that_hangs_is_left_alone_for_a_while(run: Run, jobs: JobStore, hanging_redis: None) -> None:
    run.emit("log", {"lines": ["first"]})
    began = time.monotonic()
    for _ in range(20):
        run.emit("log", {"lines": ["more"]})
    assert len(list(events.replay(jobs, run.job.id, 0))) == 21
    assert time.monotonic() - began < 0.3


def test_replay_takes_the_file_when_redis_misses_the_newest_events(run: Run, jobs: JobStore) -> None:
    for number in range(3):
        run.emit("log", {"lines": [str(number)]})
    jobs.append_event(run.job.id, "log", {"lines": ["told while Redis was away"]})
    assert [event.seq for event in events.replay(jobs, run.job.id, 0)] == [1, 2, 3, 4]
