"""A worker service: one queue, one job at a time, a heartbeat that says it is there.

Started as `celery -A services.<name>.worker worker --queues <kind>`; the module calls `make_worker`.
"""

import contextlib
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import redis
from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

from shared.bus.celery_app import TASK_NAME, celery_app
from shared.bus.connection import connection
from shared.bus.devices import find_devices
from shared.bus.supervisor import Supervisor
from shared.schemas.job import JobKind
from shared.settings import get_settings
from shared.store.jobs import JobStore
from shared.store.workspace import Workspace

HEARTBEAT_S = 4.0
HEARTBEAT_LIFE_S = 15
_KEY = "studio:worker:{kind}:{name}"
_shutting_down = multiprocessing.Event()


def make_worker(kind: JobKind, module: str) -> Celery:
    """Return the Celery application of a worker that runs jobs of `kind` as `python -m module <job>`."""
    name = worker_name(kind)

    @celery_app.task(name=TASK_NAME.format(kind=kind))  # type: ignore[untyped-decorator]
    def run(_job_id: str) -> None:
        settings = get_settings()
        Supervisor(_jobs(settings.workspace), settings, name, _shutting_down.is_set).work(kind, module)

    appear_while_running(kind, name, find_devices)
    return celery_app


def worker_name(queue: str) -> str:
    """Return the name of this process as the worker of a queue."""
    return f"{queue}@{socket.gethostname()}:{os.getpid()}"


def appear_while_running(queue: str, name: str, devices: Callable[[], Sequence[Mapping[str, Any]]] = tuple) -> None:
    """Let a worker say that it is there, from when Celery has started it until it shuts down."""

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def disappear(**_: Any) -> None:
        _shutting_down.set()

    @worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
    def appear(**_: Any) -> None:
        threading.Thread(target=_beat, args=(queue, name, devices), daemon=True, name="heartbeat").start()


@lru_cache(maxsize=1)
def _jobs(root: Path) -> JobStore:
    """One a process: it does not read again what did not change."""
    return Workspace(root).jobs


def workers() -> list[dict[str, Any]]:
    """Return the workers that beat lately: `name`, `kind`, `pid`, `host`, `devices`.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    client = connection()
    keys = list(client.scan_iter(_KEY.format(kind="*", name="*"), count=500))
    found = client.mget(keys) if keys else []
    return sorted((orjson.loads(item) for item in found if item), key=lambda item: str(item["name"]))


def _beat(queue: str, name: str, devices: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
    about = {"name": name, "kind": queue, "pid": os.getpid(), "host": socket.gethostname(), "devices": [*devices()]}
    key = _KEY.format(kind=queue, name=name)
    while not _shutting_down.is_set():
        with contextlib.suppress(redis.RedisError):
            connection().set(key, orjson.dumps(about), ex=HEARTBEAT_LIFE_S)
        _shutting_down.wait(HEARTBEAT_S)
    with contextlib.suppress(redis.RedisError):
        connection().delete(key)
