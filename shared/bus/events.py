"""News of jobs: appended to the job's file first, then told to whoever listens.

The file is the truth. The capped Redis stream makes replay quick and pub/sub makes it live; both may fail or be wiped.
"""

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import redis

from shared.bus.connection import connection
from shared.schemas.job import Job, JobEvent
from shared.store.jobs import EventName, JobStore

log = logging.getLogger(__name__)
CHANNEL = "studio:events"
_STREAM_LENGTH = 1000
_STREAM_LIFE_S = 24 * 3600


def publish(
    jobs: JobStore, job_id: str, name: EventName, data: dict[str, Any], *, epoch: int | None = None
) -> JobEvent:
    """Record an event and announce it.

    Raises:
        Refused: `epoch` is not the job's any more.
    """
    event = jobs.append_event(job_id, name, data, epoch=epoch)
    line = orjson.dumps(event.model_dump(mode="json"))
    try:
        pipe = connection().pipeline(transaction=False)
        stream = _stream(job_id)
        pipe.xadd(stream, {"event": line}, id=f"{event.seq}-0", maxlen=_STREAM_LENGTH, approximate=True)
        pipe.expire(stream, _STREAM_LIFE_S)
        pipe.publish(CHANNEL, line)
        pipe.execute(raise_on_error=False)
    except redis.RedisError as error:
        log.debug("event %s of %s is on disk only: %s", event.seq, job_id, error)
    return event


def publish_status(jobs: JobStore, job: Job) -> JobEvent:
    """Tell that a job changed its state."""
    return publish(jobs, job.id, "job", job_news(job))


def job_news(job: Job) -> dict[str, Any]:
    """Return what a listener needs of a job whose state changed."""
    fields = {"id", "kind", "project_id", "title", "status", "attempt", "payload", "error", "result"}
    return job.model_dump(mode="json", include=fields | {"cancel_requested", "stop_requested"})


def replay(jobs: JobStore, job_id: str, after: int) -> Iterator[JobEvent]:
    """Yield the events of a job after sequence number `after`: from Redis when it has them all, else from the file."""
    try:
        entries: list[Any] = connection().xrange(_stream(job_id), min=f"{after + 1}-0") or []
    except redis.RedisError:
        entries = []
    found = [JobEvent.model_validate_json(fields[b"event"]) for _, fields in entries]
    if found and [event.seq for event in found] == list(range(after + 1, after + 1 + len(found))):
        yield from found
    else:
        yield from jobs.events(job_id, after)


def _stream(job_id: str) -> str:
    return f"studio:events:{job_id}"
