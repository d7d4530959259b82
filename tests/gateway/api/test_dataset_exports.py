"""A dataset as an archive, through the API."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from services.importer.run import work
from shared.bus.run import Run
from shared.store.lifecycle import Claim, Succeed
from tests.gateway.conftest import TASK
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]
FORMAT = TASK.dataset_formats[0].value


def finish(world: World, job_id: str) -> None:
    job = world.workspace.jobs.apply(job_id, Claim("a worker", 600))
    world.workspace.jobs.apply(job_id, Succeed(job.epoch, work(Run(world.workspace, job, world.settings))))


def test_export_and_download(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/datasets/{world.project.id}/export"
    answer = client.post(url, json={"format": FORMAT, "split": "A split"}, headers={"Idempotency-Key": "k"})
    job = answer.json()
    assert (answer.status_code, job["kind"]) == (202, "import")
    again = client.post(url, json={"format": FORMAT, "split": "A split"}, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == job["id"]
    refusal(client.post(url, json={"format": FORMAT}), 409, "export_is_running")
    refusal(client.get(f"{url}/{job['id']}/download"), 404, "export_not_ready")
    finish(world, job["id"])
    assert client.get(f"/api/jobs/{job['id']}").json()["result"]["images"] == 20
    file = client.get(f"{url}/{job['id']}/download")
    assert file.headers["content-disposition"] == f'attachment; filename="Shapes-r1-{FORMAT}.zip"'
    assert len(zipfile.ZipFile(io.BytesIO(file.content)).namelist()) >= 20
    part = client.get(f"{url}/{job['id']}/download", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PK\x03\x04")


def test_an_export_is_no_import(client: TestClient, world: World) -> None:
    """While a dataset is exported more can be imported, and the archive of an earlier preview stays."""
    job = client.post(f"/api/datasets/{world.project.id}/export", json={"format": FORMAT}).json()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cat/1.jpg", b"x")
    answer = client.post(
        f"/api/datasets/{world.project.id}/import/upload", files={"file": ("a.zip", buffer.getvalue())}
    )
    assert answer.status_code == 202
    assert client.get(f"/api/jobs/{job['id']}").json()["status"] == "queued"


def test_exports_that_cannot_be(client: TestClient, world: World, project_id: str, refusal: Refusal) -> None:
    url = f"/api/datasets/{world.project.id}/export"
    refusal(client.post(url, json={"format": "zebra"}), 422, "invalid_value")
    refusal(client.post(url, json={"format": FORMAT, "split": "none"}), 404, "split_not_found")
    refusal(client.post(f"/api/datasets/{project_id}/export", json={"format": FORMAT}), 404, "dataset_not_found")
    refusal(client.get(f"{url}/job-00000000/download"), 404, "job_not_found")


def test_an_archive_is_kept_for_a_day(client: TestClient, world: World) -> None:
    url = f"/api/datasets/{world.project.id}/export"
    job = client.post(url, json={"format": FORMAT}).json()
    finish(world, job["id"])
    world.workspace.prepare()
    assert client.get(f"{url}/{job['id']}/download").status_code == 200
    path = world.workspace.jobs.folder(job["id"]) / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "finished_at": "2026-01-01T00:00:00Z"}))
    world.workspace.prepare()
    assert client.get(f"{url}/{job['id']}/download").status_code == 404
