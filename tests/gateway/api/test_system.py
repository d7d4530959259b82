import re
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from tests.gateway.conftest import TASK
from tests.support.generated import World


def test_alive_but_not_ready_without_redis(client: TestClient) -> None:
    assert client.get("/api/system/health").json() == {"status": "ok"}
    ready = client.get("/api/system/ready")
    assert ready.status_code == 503
    assert ready.json()["redis"] is False
    assert client.get("/api/system/devices").json()["default_selected"] == "cpu"


def test_disk_use_names_projects(client: TestClient, world: World) -> None:
    body = client.get("/api/system/workspace").json()
    assert [item["name"] for item in body["projects"]] == [world.project.name]
    assert body["total_bytes"] > 10_000


def test_tasks_say_what_can_be_built(client: TestClient) -> None:
    listed = client.get("/api/tasks").json()["items"]
    assert TASK.id in [item["id"] for item in listed]
    detail = client.get(f"/api/tasks/{TASK.id}").json()
    assert sum(item["primary"] for item in detail["metrics"]) == 1
    assert detail["parameters"]["properties"]["epochs"]["maximum"] == 1000
    assert {item["id"] for item in detail["architectures"]} == {item.id for item in TASK.architectures}


def test_unknown_addresses_and_methods_are_problems(client: TestClient, refusal: Callable[..., dict[str, Any]]) -> None:
    refusal(client.get("/api/nothing"), 404, "not_found")
    refusal(client.put("/api/projects"), 405, "method_not_allowed")
    refusal(client.get("/api/tasks/..%2f"), 404, "not_found")


def test_every_body_of_the_api_has_an_example(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert schema["components"]["schemas"][name].get("examples"), f"{method} {path}"


def test_prometheus_is_told_of_requests_and_jobs(client: TestClient) -> None:
    client.get("/api/projects")
    text = client.get("/metrics").text
    assert 'studio_http_requests_total{method="GET",status="200"}' in text
    assert 'studio_jobs{kind="training",status="running"} 0.0' in text


def test_static_files_are_kept_only_under_an_address_with_a_mark(client: TestClient) -> None:
    assert client.get("/static/js/boot.js").headers["cache-control"] == "no-cache"
    assert "immutable" in client.get("/static/js/boot.js?v=1").headers["cache-control"]
    assert client.get("/static/../../pyproject.toml").status_code == 404


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"(?:src|href)=[\"']([^\"']+)", page)
    assert len(addresses) >= 3
    for address in addresses:
        assert client.get(address).status_code == 200, address
    assert client.get("/redoc").status_code == 404
