"""Waiting jobs are put in order and cancelled."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.job import Job, JobKind
from shared.store.lifecycle import Claim
from tests.support.clock import next_moment
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]


@pytest.fixture
def queued(client: TestClient, world: World) -> list[Job]:
    made: list[Job] = []
    for number in range(3):
        made.append(world.workspace.jobs.create(JobKind.TRAINING, world.project.id, f"Training {number}", {}))
        next_moment()
    return made


def order(client: TestClient) -> list[str]:
    return [item["title"][-1] for item in client.get("/api/jobs/waiting?kind=training").json()["items"]]


def test_waiting_jobs_are_moved(client: TestClient, queued: list[Job]) -> None:
    a, b, c = (job.id for job in queued)
    assert order(client) == ["0", "1", "2"]
    assert client.post(f"/api/jobs/{c}/move", json={"before": a}).json()["id"] == c
    assert order(client) == ["2", "0", "1"]
    client.post(f"/api/jobs/{c}/move", json={"before": b})
    assert order(client) == ["0", "2", "1"]
    client.post(f"/api/jobs/{a}/move", json={"before": None})
    assert order(client) == ["2", "1", "0"]


def test_two_jobs_change_places_as_often_as_one_likes(client: TestClient, queued: list[Job]) -> None:
    _, b, c = (job.id for job in queued)
    for _ in range(40):
        client.post(f"/api/jobs/{c}/move", json={"before": b})
        client.post(f"/api/jobs/{b}/move", json={"before": c})
    assert order(client) == ["0", "1", "2"]
    client.post(f"/api/jobs/{c}/move", json={"before": b})
    assert order(client) == ["0", "2", "1"]
    later = client.app.state.studio.workspace.jobs.create(JobKind.TRAINING, queued[0].project_id, "Training 3", {})  # type: ignore[attr-defined]
    assert order(client)[-1] == "3", "what comes later waits behind"
    assert later.position is None


def test_what_does_not_wait_is_not_moved(client: TestClient, queued: list[Job], world: World, refusal: Refusal) -> None:
    a, b, _ = (job.id for job in queued)
    world.workspace.jobs.apply(a, Claim("w", 60))
    refusal(client.post(f"/api/jobs/{a}/move", json={"before": b}), 409, "job_is_not_waiting")
    refusal(client.post(f"/api/jobs/{b}/move", json={"before": a}), 409, "job_is_not_waiting")
    other = world.workspace.jobs.create(JobKind.EXPORT, world.project.id, "An export", {})
    refusal(client.post(f"/api/jobs/{b}/move", json={"before": other.id}), 409, "job_is_not_waiting")
    refusal(client.post(f"/api/jobs/{b}/move", json={"before": "job-00000000"}), 404, "job_not_found")
    refusal(client.post(f"/api/jobs/{b}/move", json={}), 422, "invalid_request")
    assert client.post(f"/api/jobs/{b}/cancel").json()["status"] == "cancelled"
    assert order(client) == ["2"]
