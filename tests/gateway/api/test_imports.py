"""Previews, planned imports, and what imports leave behind."""

import csv
import errno
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.job import Job, JobError
from shared.settings import Settings
from shared.store.lifecycle import Claim, Fail, Succeed
from shared.store.workspace import Workspace
from tests.support.generated import shape_image

Refusal = Callable[..., dict[str, Any]]
Finish = Callable[[dict[str, Any]], Job]


@pytest.fixture
def finish(workspace: Workspace, settings: Settings) -> Finish:
    """Do the work of a job that the API answered, as a worker does."""

    def run(answer: dict[str, Any]) -> Job:
        job = workspace.jobs.apply(answer["id"], Claim("a worker", 600))
        return workspace.jobs.apply(job.id, Succeed(job.epoch, work(Run(workspace, job, settings))))

    return run


def archive(classes: tuple[str, ...] = ("cat", "dog", "cat"), start: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number, name in enumerate(classes, start):
            made.writestr(f"{name}/{number}.jpg", shape_image(0, number))
        made.writestr("cat/broken.jpg", b"=no picture")
    return buffer.getvalue()


def uploads(workspace: Workspace) -> list[Path]:
    return sorted([*workspace.root.glob("jobs/*/upload*"), *(workspace.root / "uploads").glob("*")])


def test_upload_preview_import_and_the_report(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish
) -> None:
    base = f"/api/datasets/{project_id}"
    answer = client.post(f"{base}/import/preview", files={"file": ("things.zip", archive())})
    assert answer.status_code == 202
    assert answer.json()["title"] == "Preview things.zip"
    preview = finish(answer.json())
    assert preview.result is not None
    assert (preview.result["images"], preview.result["problem_count"]) == (3, 1)
    assert client.get(base).status_code == 404, "a preview imports nothing"
    sample = client.get(f"{base}/import/preview/{preview.id}/samples/0")
    assert (sample.headers["content-type"], sample.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert client.get(f"{base}/import/preview/{preview.id}/samples/99").status_code == 404
    assert [path.name for path in uploads(workspace)] == ["upload.zip"], "kept for the import"
    body = {"preview_job_id": preview.id, "plan": preview.result["plan"]}
    for senseless in ({"mends": {"zebra": "drop"}}, {"class_map": {"zebra": "cat"}}):
        refused = client.post(f"{base}/import", json={**body, "plan": {**body["plan"], **senseless}})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_plan")
        assert "zebra" in refused.json()["errors"][0]["field"]
    imported = client.post(f"{base}/import", json=body)
    assert imported.status_code == 202, imported.text
    finish(imported.json())
    assert client.get(base).json()["image_count"] == 3
    assert uploads(workspace) == []

    (told,) = client.get(f"{base}/imports").json()["items"]
    assert (told["added"], told["problem_count"], told["source"]) == (3, 1, "things.zip")
    workspace.jobs.delete(imported.json()["id"])
    address = f"{base}/imports/{told['job_id']}/problems"
    (problem,) = client.get(address).json()
    assert (problem["file"], problem["code"]) == ("cat/broken.jpg", "not_an_image")
    table = client.get(f"{address}?format=csv")
    assert table.headers["content-disposition"] == f'attachment; filename="problems-{told["job_id"]}.csv"'
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert row["file"] == "cat/broken.jpg"
    assert client.get(f"{base}/imports/job-00000000/problems").status_code == 404


def test_a_preview_of_a_path_takes_the_same_body(
    client: TestClient, project_id: str, tmp_path: Path, refusal: Refusal
) -> None:
    url = f"/api/datasets/{project_id}/import/preview"
    (tmp_path / "data" / "cat").mkdir()
    answer = client.post(url, json={"path": str(tmp_path / "data"), "options": {"mode": "replace"}})
    payload = answer.json()["payload"]
    assert (payload["format"], payload["mode"], payload["preview"]) == ("auto", "replace", True)
    client.post(f"/api/jobs/{answer.json()['id']}/cancel")
    refusal(client.post(url, json={"path": "/etc"}), 403, "path_not_allowed")
    refusal(client.post(url, json={}), 422, "invalid_request")
    refusal(client.post(url, content=b"{"), 422, "invalid_request")


def test_a_preview_again_takes_the_upload_over(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish, refusal: Refusal
) -> None:
    base = f"/api/datasets/{project_id}/import/preview"
    first = finish(client.post(base, files={"file": ("things.zip", archive())}).json())
    body = {"format": first.result["plan"]["format"]}  # type: ignore[index]
    second = finish(client.post(f"{base}/{first.id}", json=body).json())
    assert second.result is not None
    assert second.title == "Preview things.zip"
    assert [path.parent.name for path in uploads(workspace)] == [second.id]
    planned = {"preview_job_id": first.id, "plan": second.result["plan"]}
    refusal(client.post(f"/api/datasets/{project_id}/import", json=planned), 409, "source_is_gone")
    refusal(client.post(f"{base}/{first.id}", json=body), 409, "source_is_gone")
    refusal(client.post(f"{base}/{second.id}", json={"format": "zebra"}), 422, "invalid_value")


def test_an_upload_goes_when_its_preview_is_discarded_replaced_or_cancelled(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish
) -> None:
    base = f"/api/datasets/{project_id}/import/preview"
    first = finish(client.post(base, files={"file": ("a.zip", archive())}).json())
    second = finish(client.post(base, files={"file": ("b.zip", archive())}).json())
    assert [path.parent.name for path in uploads(workspace)] == [second.id], "the first was replaced"
    assert client.delete(f"{base}/{second.id}").status_code == 204
    assert uploads(workspace) == []
    third = client.post(base, files={"file": ("c.zip", archive())}).json()
    assert client.delete(f"{base}/{third['id']}").status_code == 204
    assert client.get(f"/api/jobs/{third['id']}").json()["status"] == "cancelled"
    assert uploads(workspace) == []
    assert client.delete(f"{base}/job-00000000").status_code == 404
    assert workspace.jobs.get(first.id).status.final


def test_an_upload_whose_preview_failed_waits_for_another_try(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish, refusal: Refusal
) -> None:
    base = f"/api/datasets/{project_id}"
    job = client.post(f"{base}/import/preview", files={"file": ("a.zip", archive())}).json()
    claimed = workspace.jobs.apply(job["id"], Claim("a worker", 600))
    refusal(client.post(f"{base}/import/preview/{job['id']}", json={}), 409, "import_is_running")
    workspace.jobs.apply(job["id"], Fail(claimed.epoch, JobError(code="x", message="Not known.")))
    body = {"preview_job_id": job["id"], "plan": {"format": "class_folders"}}
    refusal(client.post(f"{base}/import", json=body), 409, "preview_not_ready")
    again = client.post(f"{base}/import/preview/{job['id']}", json={})
    assert finish(again.json()).result is not None


def test_a_planned_import_wants_a_preview_of_the_project_and_a_known_format(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish, refusal: Refusal
) -> None:
    base = f"/api/datasets/{project_id}"
    preview = finish(client.post(f"{base}/import/preview", files={"file": ("a.zip", archive())}).json())
    other = client.post(
        "/api/projects", json={"name": "Other", "task": client.get("/api/tasks").json()["items"][0]["id"]}
    )
    body = {"preview_job_id": preview.id, "plan": {"format": "zebra"}}
    refusal(client.post(f"{base}/import", json=body), 422, "invalid_value")
    refusal(client.post(f"/api/datasets/{other.json()['id']}/import", json=body), 404, "preview_not_found")
    refusal(client.post(f"{base}/import", json={**body, "preview_job_id": "../x"}), 404, "job_not_found")
    bad = {"format": "class_folders", "mends": {"a": "hope"}}
    refusal(client.post(f"{base}/import", json={**body, "plan": bad}), 422, "invalid_request")
    open_plan = client.post(f"{base}/import", json={**body, "plan": {"format": "auto"}})
    refusal(open_plan, 422, "invalid_value")
    assert [item["field"] for item in open_plan.json()["errors"]] == ["plan.format"]


def test_what_a_kill_left_of_uploads_goes_at_the_next_start(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish
) -> None:
    job = client.post(f"/api/datasets/{project_id}/import/upload", files={"file": ("a.zip", archive())}).json()
    done = finish(job)
    folder = workspace.jobs.folder(done.id)
    (folder / "upload.zip").write_bytes(b"as if tidying had not come to it")
    (folder / "unpacked").mkdir()
    cut_off = workspace.jobs.folder("job-0000aaaa")
    cut_off.mkdir()
    (cut_off / "upload.zip").write_bytes(b"half")
    spooled = workspace.root / "uploads" / ".tmp-upload-0"
    spooled.write_bytes(b"half")
    fresh = workspace.jobs.folder("job-0000bbbb")
    fresh.mkdir()
    for path in (cut_off, spooled):
        os.utime(path, (time.time() - 7200,) * 2)
    workspace.prepare()
    assert uploads(workspace) == []
    assert not (folder / "unpacked").exists()
    assert fresh.exists(), "an upload may be on its way there"


def test_an_archive_waits_a_day_for_its_import(
    client: TestClient, project_id: str, workspace: Workspace, finish: Finish
) -> None:
    preview = finish(
        client.post(f"/api/datasets/{project_id}/import/preview", files={"file": ("a.zip", archive())}).json()
    )
    workspace.prepare()
    assert len(uploads(workspace)) == 1
    path = workspace.jobs.folder(preview.id) / "job.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "finished_at": "2026-01-01T00:00:00Z"}))
    workspace.prepare()
    assert uploads(workspace) == []


FORM = "multipart/form-data; boundary=x"
HALF = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nhalf'
NO_FILE = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("multipart/form-data", b"", "invalid_request"),
        (FORM, b"", "invalid_form"),
        (FORM, b"nonsense", "invalid_form"),
        (FORM, HALF, "invalid_form"),
        (FORM, NO_FILE, "invalid_request"),
        ("text/plain", b"hello", "invalid_request"),
    ],
)
def test_forms_that_cannot_be_read_leave_nothing(
    client: TestClient,
    project_id: str,
    workspace: Workspace,
    refusal: Refusal,
    content_type: str,
    body: bytes,
    code: str,
) -> None:
    url = f"/api/datasets/{project_id}/import/upload"
    refusal(client.post(url, content=body, headers={"content-type": content_type}), 422, code)
    assert uploads(workspace) == []


def test_an_upload_of_unknown_length_is_stopped_at_the_limit(
    client: TestClient, project_id: str, workspace: Workspace, refusal: Refusal
) -> None:
    def body() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        for _ in range(100):
            yield bytes(100_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post(f"/api/datasets/{project_id}/import/upload", content=body(), headers=headers)
    refusal(answer, 413, "upload_too_large")
    assert uploads(workspace) == []


def test_an_upload_that_finds_no_room_is_told_and_leaves_nothing(
    client: TestClient, project_id: str, workspace: Workspace, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("services.gateway.api.uploads._Form.flush", full)
    url = f"/api/datasets/{project_id}/import/upload"
    refusal(client.post(url, files={"file": ("a.zip", archive())}), 507, "disk_full")
    assert uploads(workspace) == []
    assert client.get("/api/jobs").json()["total"] == 0
