"""Live events: one Redis subscription a process, fanned out in memory to every open SSE connection.

Pub/sub is only the fast path. The hub knows the last sequence number of each job it told of; a gap, a reconnect or
the absence of Redis is filled from the jobs' event files, so a listener misses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.bus.events import CHANNEL, replay
from shared.errors import StudioError
from shared.schemas.job import Job, JobEvent
from shared.settings import Settings
from shared.store.jobs import JobStore

log = logging.getLogger(__name__)
_HEARTBEAT_S = 15.0
_CATCH_UP_S = 2.0
_QUEUE = 2000
_REPLAY_SLACK_MS = 2000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which jobs a connection follows: one, all of an experiment, all of a project, or all. None means any."""

    project_id: str | None = None
    experiment_id: str | None = None
    job_id: str | None = None

    def covers(self, job: Job) -> bool:
        """Whether events of the job are wanted."""
        return (
            self.job_id in (None, job.id)
            and self.project_id in (None, job.project_id)
            and self.experiment_id in (None, job.payload.get("experiment_id"))
        )


class Listener:
    """One open connection: the jobs it follows and what waits for it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.overrun = False
        self._waiting: deque[JobEvent] = deque()
        self._arrived = asyncio.Event()

    def offer(self, event: JobEvent) -> None:
        """Queue an event; progress of the same job that still waits is replaced, transitions are never dropped."""
        if event.name == "progress" and self._waiting:
            last = self._waiting[-1]
            if last.name == "progress" and last.job_id == event.job_id:
                self._waiting.pop()
        if len(self._waiting) >= _QUEUE:
            self.overrun = True
        else:
            self._waiting.append(event)
        self._arrived.set()

    async def take(self, timeout_s: float) -> list[JobEvent]:
        """Return what waits, or after `timeout_s` nothing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), timeout_s)
        self._arrived.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Hub:
    """The subscription and its listeners."""

    def __init__(self, jobs: JobStore, settings: Settings) -> None:
        self._jobs = jobs
        self._settings = settings
        self._listeners: set[Listener] = set()
        self._last: dict[str, int] = {}
        self._known: dict[str, Job] = {}

    async def run(self) -> None:
        """Listen for as long as the gateway lives."""
        await asyncio.to_thread(self._remember_present)
        while True:
            try:
                await self._subscribe()
            except (RedisError, OSError) as error:
                log.debug("live events come from the files while Redis is away: %s", error)
            except Exception:
                log.exception("live events are taken up again")
            try:
                await self._catch_up()
            except Exception:
                log.exception("some events could not be read")
            await asyncio.sleep(_CATCH_UP_S)

    async def stream(self, scope: Scope, after: str | None) -> AsyncIterator[bytes]:
        """Yield SSE frames: first what came after `after`, then everything new, until the connection's life is over.

        Args:
            scope: which jobs; ids of a single job's events are its sequence numbers.
            after: the last id the listener saw.
        """
        listener = Listener(scope)
        of_one_job = scope.job_id is not None
        self._listeners.add(listener)
        told: dict[str, int] = {}
        ends = asyncio.get_running_loop().time() + self._settings.event_connection
        try:
            yield b"retry: 1000\n\n"
            for event in await asyncio.to_thread(self._missed, scope, after):
                told[event.job_id] = event.seq
                yield _frame(event, of_one_job)
            while asyncio.get_running_loop().time() < ends and not listener.overrun:
                events = await listener.take(_HEARTBEAT_S)
                fresh = [event for event in events if event.seq > told.get(event.job_id, 0)]
                yield b"".join(_frame(event, of_one_job) for event in fresh) or b": alive\n\n"
        finally:
            self._listeners.discard(listener)

    async def _subscribe(self) -> None:
        client = redis.asyncio.Redis.from_url(
            self._settings.redis_url,
            socket_keepalive=True,
            health_check_interval=15,
            socket_connect_timeout=3,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(CHANNEL)
                await self._catch_up()
                while True:
                    message = await pubsub.get_message(timeout=5.0)
                    if message is not None:
                        await self._heard(JobEvent.model_validate_json(message["data"]))
        finally:
            await client.aclose()

    async def _heard(self, event: JobEvent) -> None:
        last = self._last.get(event.job_id)
        if last is not None and event.seq > last + 1:
            for missed in await asyncio.to_thread(lambda: list(self._jobs.events(event.job_id, last))):
                self._tell(missed)
        self._tell(event)

    def _tell(self, event: JobEvent) -> None:
        if event.seq <= self._last.get(event.job_id, 0):
            return
        self._last[event.job_id] = event.seq
        job = self._job(event.job_id)
        for listener in self._listeners:
            if job is not None and listener.scope.covers(job):
                listener.offer(event)

    def _remember_present(self) -> None:
        for job in self._jobs.list():
            self._last[job.id] = self._jobs.last_seq(job.id)

    async def _catch_up(self) -> None:
        for event in await asyncio.to_thread(self._unheard):
            self._tell(event)

    def _unheard(self) -> list[JobEvent]:
        found: list[JobEvent] = []
        for job in self._jobs.list():
            last = self._last.get(job.id, 0)
            if self._jobs.last_seq(job.id) > last:
                found.extend(self._jobs.events(job.id, last))
        return sorted(found, key=lambda event: event.at)

    def _job(self, job_id: str) -> Job | None:
        """Return a job for its project and payload, which never change."""
        if job_id not in self._known:
            try:
                self._known[job_id] = self._jobs.get(job_id)
            except StudioError:
                return None
        return self._known[job_id]

    def _missed(self, scope: Scope, after: str | None) -> list[JobEvent]:
        if scope.job_id is not None:
            return list(replay(self._jobs, scope.job_id, int(after) if after and after.isdigit() else 0))
        since = (after or "").partition("-")[0]
        if not since.isdigit():
            return []
        return self._since(scope, int(since) - _REPLAY_SLACK_MS)

    def _since(self, scope: Scope, since_ms: int) -> list[JobEvent]:
        """Return events of all jobs not older than a moment; listeners drop those they know by job and number."""
        found: list[JobEvent] = []
        for job in filter(scope.covers, self._jobs.list()):
            if job.finished_at is None or job.finished_at.timestamp() * 1000 >= since_ms:
                events = self._jobs.events(job.id)
                found.extend(event for event in events if event.at.timestamp() * 1000 >= since_ms)
        return sorted(found, key=lambda event: event.at)


def _frame(event: JobEvent, of_one_job: bool) -> bytes:
    number = str(event.seq) if of_one_job else f"{int(event.at.timestamp() * 1000)}-{event.seq}"
    return f"id: {number}\nevent: {event.name}\ndata: {event.model_dump_json()}\n\n".encode()
