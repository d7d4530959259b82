"""Live events over real HTTP would never end in a test client; the hub itself is asked instead."""

import asyncio
from collections.abc import Callable

import pytest

from services.gateway.live import Hub, Listener, Scope
from shared.bus.connection import connection
from shared.bus.events import CHANNEL, publish
from shared.schemas.job import JobKind
from shared.settings import Settings, get_settings
from shared.store.jobs import JobStore
from shared.store.workspace import Workspace
from tests.support.redis import RedisServer


def frames(text: bytes) -> list[str]:
    return [line.removeprefix("id: ") for line in text.decode().splitlines() if line.startswith("id: ")]


@pytest.fixture
def jobs(settings: Settings) -> JobStore:
    workspace = Workspace(settings.workspace)
    workspace.prepare()
    return workspace.jobs


@pytest.fixture
def live(settings: Settings, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same settings with a Redis that is there."""
    monkeypatch.setenv("AI_STUDIO_REDIS_URL", redis_server.url)
    get_settings.cache_clear()
    connection.cache_clear()
    return settings.model_copy(update={"redis_url": redis_server.url})


async def listen(hub: Hub, count: int, act: Callable[[], None], **where: str | None) -> list[str]:
    """Open a stream, act, and return the ids of the first `count` events."""
    task = asyncio.create_task(hub.run())
    found: list[str] = []
    acted = False
    try:
        async with asyncio.timeout(15):
            async for text in hub.stream(
                Scope(job_id=where.get("job_id"), experiment_id=where.get("experiment_id")), where.get("after")
            ):
                found.extend(frames(text))
                if not acted:
                    acted = True
                    await asyncio.sleep(0.3)
                    await asyncio.to_thread(act)
                if len(found) >= count:
                    break
    finally:
        task.cancel()
    return found


def test_a_job_is_told_from_its_start_and_then_live(live: Settings, jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})
    for _ in range(3):
        publish(jobs, job.id, "epoch", {})

    def act() -> None:
        for _ in range(2):
            publish(jobs, job.id, "epoch", {})

    assert asyncio.run(listen(Hub(jobs, live), 5, act, job_id=job.id)) == ["1", "2", "3", "4", "5"]
    nothing: Callable[[], None] = lambda: None  # noqa: E731
    assert asyncio.run(listen(Hub(jobs, live), 2, nothing, job_id=job.id, after="3")) == ["4", "5"]


def test_without_redis_events_come_from_the_files(settings: Settings, jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})
    assert asyncio.run(listen(Hub(jobs, settings), 1, lambda: _publish(jobs, job.id), job_id=job.id)) == ["1"]


def test_a_gap_in_the_news_is_filled_from_the_file(live: Settings, jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})

    def act() -> None:
        _publish(jobs, job.id)
        for _ in range(3):
            jobs.append_event(job.id, "epoch", {})
        _publish(jobs, job.id)

    assert asyncio.run(listen(Hub(jobs, live), 5, act, job_id=job.id)) == ["1", "2", "3", "4", "5"]


def test_a_page_that_was_away_is_told_what_it_missed(live: Settings, jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})
    first = jobs.append_event(job.id, "epoch", {})
    _publish(jobs, job.id)
    cursor = f"{int(first.at.timestamp() * 1000)}-1"
    nothing: Callable[[], None] = lambda: None  # noqa: E731
    found = asyncio.run(listen(Hub(jobs, live), 2, nothing, after=cursor))
    assert [item.partition("-")[2] for item in found] == ["1", "2"]


def test_progress_of_a_slow_listener_is_replaced_and_transitions_never_dropped(jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})
    listener = Listener(Scope())
    for name in ("job", "progress", "progress", "progress", "epoch", "progress", "job"):
        listener.offer(jobs.append_event(job.id, name, {}))  # type: ignore[arg-type]
    taken = asyncio.run(listener.take(1))
    assert [(event.name, event.seq) for event in taken] == [
        ("job", 1),
        ("progress", 4),
        ("epoch", 5),
        ("progress", 6),
        ("job", 7),
    ]


def _publish(jobs: JobStore, job_id: str) -> None:
    publish(jobs, job_id, "epoch", {})


def test_a_stream_of_an_experiment_goes_on_with_its_next_job(live: Settings, jobs: JobStore) -> None:
    payload = {"experiment_id": "experiment-00000001"}
    first = jobs.create(JobKind.TRAINING, "project-00000001", "Train", payload)
    other = jobs.create(JobKind.TRAINING, "project-00000001", "Train", {"experiment_id": "experiment-00000002"})
    _publish(jobs, first.id)
    _publish(jobs, first.id)

    def act() -> None:
        _publish(jobs, other.id)
        resumed = jobs.create(JobKind.TRAINING, "project-00000001", "Train", payload)
        _publish(jobs, resumed.id)

    found = asyncio.run(listen(Hub(jobs, live), 3, act, experiment_id="experiment-00000001", after="0-0"))
    assert [item.partition("-")[2] for item in found] == ["1", "2", "1"]


def test_a_damaged_message_does_not_end_live_events(live: Settings, jobs: JobStore) -> None:
    job = jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})

    def act() -> None:
        connection().publish(CHANNEL, b"nonsense")
        _publish(jobs, job.id)

    assert asyncio.run(listen(Hub(jobs, live), 1, act, job_id=job.id)) == ["1"]
