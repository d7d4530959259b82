"""The state of the studio itself."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.bus.ask import Asked
from shared.bus.connection import connection
from shared.bus.worker import workers
from shared.schemas.job import JobKind


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether work can be done, and what is missing if not."""

    workspace: bool
    redis: bool
    workers: dict[str, int]

    @property
    def ready(self) -> bool:
        """Whether everything is there."""
        return self.workspace and self.redis and all(self.workers.values())

    def body(self) -> dict[str, Any]:
        """Return the state as the API shows it."""
        state = "ready" if self.ready else "not_ready"
        return {"status": state, "workspace": self.workspace, "redis": self.redis, "workers": self.workers}


def readiness(studio: Studio) -> Readiness:
    """Look at the workspace, Redis and the workers."""
    counts = {queue.value: 0 for queue in (*JobKind, *Asked)}
    try:
        connection().ping()
        reachable = True
        for worker in workers():
            counts[worker["kind"]] += 1
    except redis.RedisError:
        reachable = False
    writable = os.access(studio.workspace.root / "projects", os.W_OK)
    return Readiness(workspace=writable, redis=reachable, workers=counts)


def has_worker(kind: JobKind) -> bool:
    """Whether a worker of a kind beat lately; a Redis that is away says no."""
    try:
        return any(worker["kind"] == kind for worker in workers())
    except redis.RedisError:
        return False


def devices() -> dict[str, Any]:
    """Return the devices that training workers report; a GPU is the default where there is one."""
    try:
        reporting = [worker for worker in workers() if worker["kind"] == JobKind.TRAINING]
    except redis.RedisError:
        reporting = []
    items = [{**device, "host": worker["host"]} for worker in reporting for device in worker["devices"]]
    kinds = {item["kind"] for item in items}
    return {"items": items, "total": len(items), "default_selected": "gpu" if "gpu" in kinds else "cpu"}


def team(studio: Studio) -> list[dict[str, Any]]:
    """Return the workers that report, each with the job it has in hand; none while Redis is away."""
    try:
        reporting = workers()
    except redis.RedisError:
        return []
    held = {job.owner: job for job in jobs.listed(studio) if job.status.live}
    return [{**worker, "job": held.get(worker["name"])} for worker in reporting]


def disk_use(studio: Studio) -> dict[str, Any]:
    """Return the bytes each project takes, and what the disk has left."""
    disk = shutil.disk_usage(studio.workspace.root)
    projects = [
        {"id": item.id, "name": item.name, "bytes": _size(str(studio.workspace.projects.folder(item.id)))}
        for item in studio.workspace.projects.list()
    ]
    return {
        "path": str(studio.workspace.root),
        "projects": projects,
        "total_bytes": sum(item["bytes"] for item in projects),
        "disk_free_bytes": disk.free,
        "disk_total_bytes": disk.total,
    }


def _size(folder: str) -> int:
    total = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # workers write and remove files meanwhile
                is_folder = entry.is_dir(follow_symlinks=False)
                total += _size(entry.path) if is_folder else entry.stat(follow_symlinks=False).st_size
    return total
