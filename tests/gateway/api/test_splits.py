from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]
BODY = {"ratios": {"train": 0.6, "val": 0.2, "test": 0.2}, "seed": 3, "strategy": "stratified"}


def test_what_is_saved_is_what_the_preview_showed(client: TestClient, world: World) -> None:
    url = f"/api/splits/{world.project.id}"
    preview = client.post(f"{url}/preview", json=BODY)
    assert preview.status_code == 200
    assert client.get(url).json()["total"] == 1, "a preview stores nothing"
    assert client.post(f"{url}/preview", json=BODY).json() == preview.json()
    made = client.post(url, json={**BODY, "name": "Mine"})
    assert made.status_code == 201
    for key, value in preview.json().items():
        assert made.json()[key] == value
    assert made.json()["counts"] == {"train": 12, "val": 4, "test": 4}
    assert made.json()["subsets"]["train"]["distribution"] == {"class 0": 6, "class 1": 6}
    read = client.get(f"{url}/mine").json()
    assert len({image for images in read["assignment"].values() for image in images}) == 20
    assert client.get(f"{url}/{made.json()['id']}").json() == read


def test_a_split_never_changes(client: TestClient, world: World, refusal: Refusal) -> None:
    for method in ("PUT", "PATCH", "POST"):
        answer = client.request(method, f"/api/splits/{world.project.id}/A split", json={})
        refusal(answer, 409, "split_is_immutable")


def test_names_are_unique_and_free_of_paths(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}"
    refusal(client.post(url, json={**BODY, "name": "a SPLIT"}), 409, "split_exists")
    assert client.post(url, json={**BODY, "name": "../../x"}).status_code == 201
    refusal(client.post(url, json={**BODY, "name": "x" * 10_000}), 422, "invalid_request")
    refusal(client.get(f"{url}/nothing"), 404, "split_not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"ratios": {"train": 0.8, "val": 0.1, "test": 0.2}},
        {"ratios": {"train": 1.2, "val": -0.1, "test": -0.1}},
        {"ratios": {"train": 0, "val": 0.5, "test": 0.5}},
        {"seed": -1},
        {"strategy": "magic"},
    ],
)
def test_requests_that_make_no_split(
    client: TestClient, world: World, refusal: Refusal, change: dict[str, Any]
) -> None:
    for path, extra in (("/preview", {}), ("", {"name": "N"})):
        body = refusal(
            client.post(f"/api/splits/{world.project.id}{path}", json={**BODY, **extra, **change}),
            422,
            "invalid_request",
        )
        assert body["errors"][0]["field"].startswith(next(iter(change)))


def test_as_imported_needs_subsets(client: TestClient, world: World, refusal: Refusal) -> None:
    body = {**BODY, "strategy": "imported"}
    refusal(client.post(f"/api/splits/{world.project.id}/preview", json=body), 422, "no_imported_subsets")


def test_without_a_dataset_there_is_nothing_to_split(client: TestClient, project_id: str, refusal: Refusal) -> None:
    refusal(client.post(f"/api/splits/{project_id}/preview", json=BODY), 404, "dataset_not_found")


def test_a_split_in_use_is_not_deleted(client: TestClient, world: World, refusal: Refusal) -> None:
    made = client.post(f"/api/training/{world.project.id}/experiments", json={}).json()
    refusal(client.delete(f"/api/splits/{world.project.id}/A split"), 409, "split_is_in_use")
    client.delete(f"/api/training/{world.project.id}/experiments/{made['id']}")
    assert client.delete(f"/api/splits/{world.project.id}/A split").status_code == 204


def test_an_empty_subset_and_a_missing_class_are_warned_of(client: TestClient, world: World) -> None:
    body = {**BODY, "ratios": {"train": 0.97, "val": 0.03, "test": 0.0}}
    warnings = client.post(f"/api/splits/{world.project.id}/preview", json=body).json()["warnings"]
    assert warnings
    assert all("test" not in item for item in warnings)
