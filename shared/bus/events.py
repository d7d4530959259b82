"""News of jobs: appended to the job's file first, then told to whoever listens.

The file is the truth. The capped Redis stream makes replay quick and pub/sub makes it live; both may fail or be wiped.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import redis

from shared.bus.connection import connection
from shared.errors import StudioError
from shared.schemas.job import EventName, Job, JobEvent
from shared.store.jobs import JobStore
from shared.store.lifecycle import Refused

log = logging.getLogger(__name__)
CHANNEL = "studio:events"
_STREAM_LENGTH = 1000
_STREAM_LIFE_S = 24 * 3600
_PAUSE_S = 5.0

# Until when each client leaves Redis alone after it failed: a Redis that accepts and hangs would otherwise cost a
# timeout with every event, in the middle of a training.
_away: WeakKeyDictionary["redis.Redis", float] = WeakKeyDictionary()


def publish(
    jobs: JobStore, job_id: str, name: EventName, data: dict[str, Any], *, epoch: int | None = None
) -> JobEvent:
    """Record an event and announce it.

    Raises:
        Refused: `epoch` is not the job's any more.
    """
    event = jobs.append_event(job_id, name, data, epoch=epoch)
    client = connection()
    if time.monotonic() < _away.get(client, 0.0):
        return event
    line = orjson.dumps(event.model_dump(mode="json"))
    try:
        pipe = client.pipeline(transaction=False)
        stream = _stream(job_id)
        pipe.xadd(stream, {"event": line}, id=f"{event.seq}-0", maxlen=_STREAM_LENGTH, approximate=True)
        pipe.expire(stream, _STREAM_LIFE_S)
        pipe.publish(CHANNEL, line)
        pipe.execute(raise_on_error=False)
    except redis.RedisError as error:
        _away[client] = time.monotonic() + _PAUSE_S
        log.debug("event %s of %s is on disk only: %s", event.seq, job_id, error)
    return event


def publish_status(jobs: JobStore, job: Job) -> JobEvent:
    """Tell that a job changed its state."""
    return publish(jobs, job.id, "job", job_news(job))


def try_publish_status(jobs: JobStore, job: Job) -> None:
    """Tell that a job changed its state, if that is possible: the change itself is already stored."""
    try:
        publish_status(jobs, job)
    except (Refused, StudioError, OSError) as error:
        log.warning("could not tell that %s is %s: %s", job.id, job.status, error)


def job_news(job: Job) -> dict[str, Any]:
    """Return what a listener needs of a job whose state changed."""
    fields = {"id", "kind", "project_id", "title", "status", "attempt", "payload", "error", "result"}
    return job.model_dump(mode="json", include=fields | {"cancel_requested", "stop_requested"})


def replay(jobs: JobStore, job_id: str, after: int) -> Iterator[JobEvent]:
    """Yield the events of a job after sequence number `after`: from Redis when it has them all, else from the file."""
    newest = jobs.last_seq(job_id)
    found = [JobEvent.model_validate_json(fields[b"event"]) for fields in _kept(job_id, after)]
    numbers = [event.seq for event in found]
    if numbers and numbers[-1] >= newest and numbers == list(range(after + 1, after + 1 + len(numbers))):
        yield from found
    else:
        yield from jobs.events(job_id, after)


def _kept(job_id: str, after: int) -> list[dict[bytes, bytes]]:
    """Return what Redis has of a job's events after `after`; nothing while Redis is away."""
    client = connection()
    if time.monotonic() < _away.get(client, 0.0):
        return []
    try:
        entries: list[Any] = client.xrange(_stream(job_id), min=f"{after + 1}-0") or []
    except redis.RedisError:
        _away[client] = time.monotonic() + _PAUSE_S
        return []
    return [fields for _, fields in entries]


def _stream(job_id: str) -> str:
    return f"studio:events:{job_id}"
