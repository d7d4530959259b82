from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.job import JobKind
from shared.store.workspace import Workspace
from tests.gateway.conftest import TASK

Refusal = Callable[..., dict[str, Any]]


def test_create_list_rename_delete(client: TestClient) -> None:
    made = client.post("/api/projects", json={"name": "  Red \n things ", "task": TASK.id, "description": "d"})
    assert made.status_code == 201
    project = made.json()
    assert (project["name"], project["revision"]) == ("Red things", 1)
    assert client.get(made.headers["location"]).json() == project
    assert client.get("/api/projects").json() == {"items": [project], "total": 1, "page": 1, "page_size": 50}
    renamed = client.patch(f"/api/projects/{project['id']}", json={"name": "Blue"}).json()
    assert (renamed["name"], renamed["description"], renamed["revision"]) == ("Blue", "d", 2)
    assert client.delete(f"/api/projects/{project['id']}").status_code == 204
    assert client.get(f"/api/projects/{project['id']}").status_code == 404


def test_a_stale_if_match_is_refused(client: TestClient, project_id: str, refusal: Refusal) -> None:
    url = f"/api/projects/{project_id}"
    assert client.patch(url, json={"name": "B"}, headers={"If-Match": '"1"'}).status_code == 200
    refusal(client.patch(url, json={"name": "C"}, headers={"If-Match": "1"}), 412, "document_changed")
    refusal(client.patch(url, json={"name": "C"}, headers={"If-Match": "new"}), 422, "invalid_if_match")


@pytest.mark.parametrize("name", ["", "   ", "x" * 10_000, "a\x00b", "\u202e", None, 5, ["a"]])
def test_bad_names_are_refused_beside_their_field(client: TestClient, refusal: Refusal, name: object) -> None:
    body = refusal(client.post("/api/projects", json={"name": name, "task": TASK.id}), 422, "invalid_request")
    assert [item["field"] for item in body["errors"]] == ["name"]
    assert client.get("/api/projects").json()["total"] == 0


def test_names_are_only_names(client: TestClient, workspace: Workspace) -> None:
    for name in ("../../etc/passwd", "<script>alert(1)</script>", "a/b", "Ünïcødé 名"):
        assert client.post("/api/projects", json={"name": name, "task": TASK.id}).json()["name"] == name
    assert all(item.name.startswith("project-") for item in (workspace.root / "projects").iterdir())


def test_an_unknown_task_names_those_there_are(client: TestClient, refusal: Refusal) -> None:
    body = refusal(client.post("/api/projects", json={"name": "A", "task": "../x"}), 422, "unknown_task")
    assert TASK.id in body["errors"][0]["message"]


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"name": "A", "task": "t", "extra": 1}'])
def test_a_body_that_is_no_project_is_refused(client: TestClient, refusal: Refusal, body: str) -> None:
    headers = {"content-type": "application/json"}
    refusal(client.post("/api/projects", content=body, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("path", ["..", "%2e%2e", "..%2f..%2fetc", "project-zzzzzzzz", "x" * 3000])
def test_ids_that_lead_nowhere(client: TestClient, path: str) -> None:
    for url in (f"/api/projects/{path}", f"/api/datasets/{path}", f"/api/splits/{path}", f"/api/jobs/{path}"):
        answer = client.get(url)
        assert answer.status_code == 404
        assert answer.json()["code"].endswith("_found")


def test_a_busy_project_is_not_deleted_unless_forced(
    client: TestClient, workspace: Workspace, project_id: str, refusal: Refusal
) -> None:
    job = workspace.jobs.create(JobKind.TRAINING, project_id, "Train", {})
    body = refusal(client.delete(f"/api/projects/{project_id}"), 409, "project_is_busy")
    assert "Train" in body["detail"]
    assert client.delete(f"/api/projects/{project_id}?force=true").status_code == 204
    assert client.get(f"/api/jobs/{job.id}").status_code == 404


def test_pages_of_other_sites_change_nothing(client: TestClient, project_id: str, refusal: Refusal) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        answer = client.delete(f"/api/projects/{project_id}", headers=headers)
        refusal(answer, 403, "cross_site_request")
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.delete(f"/api/projects/{project_id}", headers=own).status_code == 204


def test_page_bounds(client: TestClient, refusal: Refusal) -> None:
    for query in ("page=0", "page_size=0", "page_size=201", "page=x"):
        refusal(client.get(f"/api/projects?{query}"), 422, "invalid_request")
    assert client.get("/api/projects?page=1000").json()["items"] == []


def test_only_names_of_this_studio_are_answered(client: TestClient, refusal: Refusal) -> None:
    for host in ("evil.example:8000", "evil.example", "localhost.evil.example"):
        refusal(
            client.get("/api/projects", headers={"host": host, "origin": f"http://{host}"}), 403, "host_not_allowed"
        )
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "192.168.0.7", "gateway:8000"):
        assert client.get("/api/projects", headers={"host": host}).status_code == 200


def test_names_may_have_invisible_joiners(client: TestClient) -> None:
    name = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert client.post("/api/projects", json={"name": name, "task": TASK.id}).json()["name"] == name
