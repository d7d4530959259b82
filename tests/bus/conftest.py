"""A real Redis behind the bus of this process, and supervisors of scripted runs."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.bus.celery_app import celery_app
from shared.bus.connection import connection
from shared.bus.supervisor import Supervisor
from shared.schemas.job import Job, JobKind
from shared.settings import Settings, get_settings
from shared.store.jobs import JobStore
from shared.store.workspace import Workspace
from tests.support.redis import RedisServer


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer) -> Iterator[Settings]:
    """Settings of this process and of the runs it starts."""
    values = {
        "WORKSPACE": str(tmp_path / "workspace"),
        "REDIS_URL": redis_server.url,
        "LEASE": "3",
        "LEASE_RENEWAL": "0.5",
        "GRACE": "1.5",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"AI_STUDIO_{name}", value)
    monkeypatch.setattr(celery_app.conf, "broker_url", redis_server.url)
    get_settings.cache_clear()
    connection.cache_clear()
    connection().flushall()
    yield get_settings()
    get_settings.cache_clear()
    connection.cache_clear()


@pytest.fixture
def jobs(settings: Settings) -> JobStore:
    workspace = Workspace(settings.workspace)
    workspace.prepare()
    return workspace.jobs


@pytest.fixture
def new_job(jobs: JobStore) -> Callable[..., Job]:
    """Write a job whose run does as told."""

    def make(do: str, **more: Any) -> Job:
        return jobs.create(JobKind.TRAINING, "project-00000001", do, {"do": do, **more})

    return make


@pytest.fixture
def supervise(jobs: JobStore, settings: Settings) -> Callable[..., Job]:
    """See a job through once, in this thread, and return what became of it."""

    def work(job: Job, shutting_down: Callable[[], bool] = lambda: False) -> Job:
        Supervisor(jobs, settings, "test", shutting_down).work(job.kind, "tests.support.scripted_run")
        return jobs.get(job.id)

    return work


@pytest.fixture
def in_background(supervise: Callable[..., Job], jobs: JobStore) -> Iterator[Callable[..., threading.Thread]]:
    """See a job through in another thread; returns when its run has told of progress."""
    threads: list[threading.Thread] = []

    def start(job: Job, shutting_down: Callable[[], bool] = lambda: False) -> threading.Thread:
        thread = threading.Thread(target=supervise, args=(job, shutting_down))
        thread.start()
        threads.append(thread)
        deadline = threading.Event()
        for _ in range(200):
            if jobs.newest(job.id, "progress"):
                return thread
            deadline.wait(0.05)
        raise AssertionError("the run does not tell of progress")

    yield start
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
