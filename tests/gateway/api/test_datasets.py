import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.dataset import Problem
from shared.store.workspace import Workspace
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]


def images(client: TestClient, world: World, query: str = "") -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"/api/datasets/{world.project.id}/images?{query}").json()
    return body


def test_before_the_first_import(client: TestClient, project_id: str, refusal: Refusal) -> None:
    for path in ("", "/images", "/images/0123456789abcdef"):
        body = refusal(client.get(f"/api/datasets/{project_id}{path}"), 404, "dataset_not_found")
        assert body["hint"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("{data}/nothing", 422, "path_not_found"),
        ("{data}/empty", 422, "folder_is_empty"),
        ("{data}/file.txt", 422, "invalid_value"),
        ("{data}/../workspace", 403, "path_not_allowed"),
        ("{data}/link", 403, "path_not_allowed"),
        ("/etc", 403, "path_not_allowed"),
        ("../../../../etc", 422, "path_not_absolute"),
        ("photos", 422, "path_not_absolute"),
        ("{data}/" + "x" * 3000, 422, "path_not_readable"),
        ("{data}/a\0b", 422, "path_not_readable"),
        ("", 422, "invalid_request"),
    ],
)
def test_paths_that_cannot_be_imported(
    client: TestClient, project_id: str, tmp_path: Path, refusal: Refusal, path: str, status: int, code: str
) -> None:
    data = tmp_path / "data"
    (data / "empty").mkdir()
    (data / "file.txt").write_text("x")
    (data / "link").symlink_to("/etc")
    body = {"path": path.format(data=data)}
    refusal(client.post(f"/api/datasets/{project_id}/import/local", json=body), status, code)
    assert client.get("/api/jobs").json()["total"] == 0


def test_an_import_is_accepted_without_redis_and_only_once(
    client: TestClient, project_id: str, tmp_path: Path, refusal: Refusal
) -> None:
    (tmp_path / "data" / "cat").mkdir()
    url, body = f"/api/datasets/{project_id}/import/local", {"path": str(tmp_path / "data")}
    answer = client.post(url, json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["status"]) == ("import", "queued")
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert client.post(url, json=body, headers={"Idempotency-Key": "k"}).json()["id"] == job["id"]
    refusal(client.post(url, json=body), 409, "import_is_running")
    refusal(client.post(url, json={**body, "format": "nope"}), 422, "invalid_value")
    assert client.post(f"/api/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
    refusal(client.post(f"/api/jobs/{job['id']}/cancel"), 409, "job_has_ended")
    assert client.post(url, json=body).status_code == 202


def test_an_upload_is_kept_beside_its_job(client: TestClient, project_id: str, workspace: Workspace) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cat/1.jpg", b"x")
    files = {"file": ("../../My Things.zip", buffer.getvalue())}
    job = client.post(f"/api/datasets/{project_id}/import/upload", files=files, data={"options.mode": "replace"}).json()
    assert job["payload"]["mode"] == "replace"
    assert job["title"] == "Import My Things.zip"
    assert Path(job["payload"]["source"]["path"]) == workspace.jobs.folder(job["id"]) / "upload.zip"
    assert (workspace.jobs.folder(job["id"]) / "upload.zip").read_bytes() == buffer.getvalue()


def test_uploads_that_cannot_be_taken(
    client: TestClient, project_id: str, workspace: Workspace, refusal: Refusal
) -> None:
    url = f"/api/datasets/{project_id}/import/upload"
    refusal(client.post(url, files={"file": ("a.rar", b"x")}), 422, "invalid_value")
    refusal(client.post(url, files={"file": ("a.zip", b"x" * 1_000_001)}), 413, "upload_too_large")
    refusal(client.post(url, files={"file": ("a.zip", b"x")}, data={"format": "nope"}), 422, "invalid_value")
    refusal(client.post(url, data={"format": "auto"}), 422, "invalid_request")
    assert list((workspace.root / "jobs").iterdir()) == []


def test_an_upload_that_is_too_large_is_refused_before_it_is_sent(
    client: TestClient, project_id: str, refusal: Refusal
) -> None:
    headers = {"content-length": "99999999999", "content-type": "multipart/form-data; boundary=x"}
    answer = client.post(f"/api/datasets/{project_id}/import/upload", content=b"--x", headers=headers)
    refusal(answer, 413, "upload_too_large")


def test_summary_list_filters_and_detail(client: TestClient, world: World) -> None:
    summary = client.get(f"/api/datasets/{world.project.id}").json()
    assert [(item["name"], item["count"]) for item in summary["classes"]] == [("class 0", 10), ("class 1", 10)]
    everything = images(client, world)
    assert (everything["total"], len(everything["items"])) == (20, 20)
    assert images(client, world, "class=class 1")["total"] == 10
    assert images(client, world, "split=A split&subset=train")["total"] == world.split.counts["train"]
    assert images(client, world, "split=A split&subset=unassigned")["total"] == 0
    assert images(client, world, "label_state=unlabelled")["total"] == 0
    page = images(client, world, "page=2&page_size=7&sort_by=size&sort_order=desc")
    assert [item["bytes"] for item in page["items"]] == sorted(
        (item["bytes"] for item in everything["items"]), reverse=True
    )[7:14]
    first, second = everything["items"][:2]
    detail = client.get(f"/api/datasets/{world.project.id}/images/{first['id']}").json()
    assert (detail["previous"], detail["next"]) == (None, second["id"])
    assert detail["splits"].keys() == {"A split"}
    assert detail["annotations"] == first["annotations"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("class=zebra", 422, "class_not_found"),
        ("split=zebra&subset=train", 404, "split_not_found"),
        ("sort_by=taste", 422, "invalid_request"),
        ("search=%00", 422, "invalid_value"),
        ("subset=half", 422, "invalid_request"),
    ],
)
def test_filters_that_mean_nothing(
    client: TestClient, world: World, refusal: Refusal, query: str, status: int, code: str
) -> None:
    refusal(client.get(f"/api/datasets/{world.project.id}/images?{query}"), status, code)


def test_bytes_thumbnails_and_overlays(client: TestClient, world: World) -> None:
    record = images(client, world)["items"][0]
    base = f"/api/datasets/{world.project.id}/images/{record['id']}"
    file = client.get(f"{base}/file")
    assert (len(file.content), file.headers["content-type"]) == (record["bytes"], "image/jpeg")
    assert client.get(f"{base}/file", headers={"If-None-Match": file.headers["etag"]}).status_code == 304
    thumbnail = client.get(f"{base}/thumbnail")
    assert thumbnail.content[:2] == b"\xff\xd8"
    assert "immutable" in thumbnail.headers["cache-control"]
    overlay = client.get(f"{base}/overlay").json()
    assert (overlay["width"], overlay["height"]) == (record["width"], record["height"])
    assert overlay["shapes"][0]["label"] in ("class 0", "class 1")
    for bad in ("../dataset", "0" * 16, "..%2f..%2fproject.json"):
        assert client.get(f"/api/datasets/{world.project.id}/images/{bad}/file").status_code == 404


def test_a_dataset_in_use_is_not_cleared(client: TestClient, world: World, refusal: Refusal) -> None:
    made = client.post(f"/api/training/{world.project.id}/experiments", json={}).json()
    job = client.post(f"/api/training/{world.project.id}/experiments/{made['id']}/train").json()
    refusal(client.delete(f"/api/datasets/{world.project.id}"), 409, "dataset_is_in_use")
    client.post(f"/api/jobs/{job['id']}/cancel")
    assert client.delete(f"/api/datasets/{world.project.id}").status_code == 204


def test_filters_by_numbers_format_and_problem(client: TestClient, world: World) -> None:
    dataset = world.workspace.dataset(world.project.id)
    first, second = list(dataset.records())[:2]
    problems = [
        Problem(
            severity="warning", code="image_size_differs", file=f"labels/{Path(first.filename).stem}.xml", message="m"
        ),
        Problem(severity="warning", code="box_clipped", file=f"labels/{Path(second.filename).stem}.txt", message="m"),
    ]
    report = dataset.head().last_import
    assert report
    dataset.imports.save(report, problems)
    for query, expected in {
        "min_width=80&max_width=80&min_height=60": 20,
        "max_width=79": 0,
        "min_aspect=1.3&max_aspect=1.4": 20,
        "min_annotations=1": 20,
        "min_brightness=0": 0,
        "format=JPEG": 20,
        "format=PNG": 0,
        "problem=image_size_differs": 1,
        "problem=any": 2,
        "problem=other": 0,
        "problem=any&class=class 1&sort_by=size": 1,
    }.items():
        assert images(client, world, query)["total"] == expected, query
    refused = client.get(f"/api/datasets/{world.project.id}/images?min_width=wide")
    assert refused.json()["errors"][0]["field"] == "min_width"


def test_a_deleted_or_damaged_index_changes_no_answer(client: TestClient, world: World) -> None:
    path = world.workspace.dataset(world.project.id).folder / "index.sqlite"
    whole = images(client, world, "class=class 1")
    for content in (None, b"", b"garbage" * 2000, path.read_bytes()[:5000]):
        path.unlink() if content is None else path.write_bytes(content)
        assert images(client, world, "class=class 1") == whole
