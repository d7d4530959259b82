"""The gateway in this process, on a workspace of its own, with Redis out of reach unless a test brings one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from shared.bus.celery_app import celery_app
from shared.bus.connection import connection
from shared.settings import Settings, get_settings
from shared.store.workspace import Workspace
from shared.taskkit import registry
from tests.support.generated import World

NO_REDIS = "redis://127.0.0.1:1/0"
TASK = next(spec for spec in registry.specs() if spec.annotation_kind == "label")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with imports allowed from `tmp_path/data` only."""
    monkeypatch.setenv("AI_STUDIO_REDIS_URL", NO_REDIS)
    monkeypatch.setattr(celery_app.conf, "broker_url", NO_REDIS)
    get_settings.cache_clear()
    connection.cache_clear()
    (tmp_path / "data").mkdir()
    yield Settings(
        workspace=tmp_path / "workspace",
        redis_url=NO_REDIS,
        import_roots=(tmp_path / "data",),
        max_upload=1_000_000,
        mode="development",
        grace=1,
    )
    get_settings.cache_clear()
    connection.cache_clear()


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the running gateway."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def workspace(client: TestClient) -> Workspace:
    """The workspace behind the client."""
    found: Workspace = client.app.state.studio.workspace  # type: ignore[attr-defined]
    return found


@pytest.fixture
def world(settings: Settings) -> World:
    """A project with a dataset of two classes and a split."""
    return World(settings.workspace, TASK.id)


@pytest.fixture
def project_id(client: TestClient) -> str:
    """An empty project."""
    answer = client.post("/api/projects", json={"name": "Things", "task": TASK.id})
    return str(answer.json()["id"])


@pytest.fixture
def refusal() -> Callable[..., dict[str, Any]]:
    """Check that an answer is a problem of a status and code, and return it."""

    def check(answer: Any, status: int, code: str) -> dict[str, Any]:
        body: dict[str, Any] = answer.json()
        assert (answer.status_code, body.get("code")) == (status, code), body
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["detail"]
        return body

    return check
