from collections.abc import Callable
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from shared.schemas.annotations import BoxAnnotation
from shared.taskkit import registry
from tests.gateway.api.alike import replace_records
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
        assert made.json().get(key) == value
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
    for name in ("../../x", "a/b", "split-0123abcd"):
        refusal(client.post(url, json={**BODY, "name": name}), 422, "invalid_request")
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
        {"group_by": {"by": "magic"}},
        {"group_by": {"by": "filename", "separator": ""}},
        {"group_by": {"by": "filename", "separator": "______"}},
        {"group_by": {"by": "filename", "parts": 0}},
        {"group_by": {"by": "filename", "parts": 21}},
        {"group_by": {"by": "folder"}, "strategy": "imported"},
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


@pytest.mark.parametrize("strategy", ["stratified", "random"])
def test_alike_images_stay_together(client: TestClient, world: World, strategy: str) -> None:
    url = f"/api/splits/{world.project.id}"
    records = list(world.workspace.dataset(world.project.id).records())
    renamed = [
        item.model_copy(update={"filename": "-".join(reversed(item.filename[:-4].split("-"))) + ".jpg"})
        for item in records
    ]
    replace_records(world, renamed)
    body = {**BODY, "strategy": strategy, "group_by": {"by": "filename", "separator": "-", "parts": 1}}
    preview = client.post(f"{url}/preview", json=body).json()
    assert (preview["groups"], preview["counts"]) == (10, {"train": 12, "val": 4, "test": 4})
    assert preview["subsets"]["val"]["distribution"] == {"class 0": 2, "class 1": 2}
    assert preview["warnings"] == []
    made = client.post(url, json={**body, "name": "Together"}).json()
    assert (made["groups"], made["group_by"]) == (10, {**body["group_by"], "column": None})
    number = {item.id: item.filename.split("-")[0] for item in renamed}
    assignment = client.get(f"{url}/Together").json()["assignment"]
    subsets = [{number[image] for image in images} for images in assignment.values()]
    assert sum(map(len, subsets)) == len(set().union(*subsets)) == 10


def test_groups_that_cannot_be_shared_out_are_warned_of(client: TestClient, world: World) -> None:
    url = f"/api/splits/{world.project.id}/preview"
    by_class = {**BODY, "group_by": {"by": "filename", "separator": "-"}}
    answer = client.post(url, json=by_class).json()
    assert answer["groups"] == 2
    assert any("fewer groups (2) than subsets (3)" in item for item in answer["warnings"])
    assert any("'0', has 10 images, more than the share of val (4)" in item for item in answer["warnings"])
    in_one = client.post(url, json={**BODY, "group_by": {"by": "folder"}}).json()
    assert in_one["counts"] == {"train": 20, "val": 0, "test": 0}
    assert any("(top folder)" in item for item in in_one["warnings"])


def test_an_image_counts_for_every_class_it_shows(client: TestClient, world: World) -> None:
    dataset = world.workspace.dataset(world.project.id)
    one, other = (item.id for item in dataset.head().classes)
    box = {"kind": "box", "bbox": (0, 0, 5, 5)}
    shown: list[list[int]] = [[one, other, other], [one], []]
    records = [
        item.model_copy(
            update={"annotations": [BoxAnnotation.model_validate({**box, "class_id": found}) for found in classes]}
        )
        for item, classes in zip(dataset.records(), shown, strict=False)
    ]
    replace_records(world, records)
    answer = client.post(
        f"/api/splits/{world.project.id}/preview", json={"ratios": {"train": 1, "val": 0, "test": 0}}
    ).json()
    nothing = registry.spec(world.task).strata(iter(records[2:]), {})[0]
    assert answer["subsets"]["train"] == {"count": 3, "distribution": {"class 0": 2, "class 1": 1, nothing: 1}}


def test_splits_stored_before_there_were_groups_are_still_read(client: TestClient, world: World) -> None:
    path = next(world.workspace.root.glob(f"**/{world.split.id}.json"))
    stored = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({key: value for key, value in stored.items() if key not in ("groups", "group_by")}))
    read = client.get(f"/api/splits/{world.project.id}/A split").json()
    assert (read["groups"], read["group_by"], read["counts"]) == (None, None, dict(world.split.counts))


def test_images_without_a_hash_are_counted_as_unknown(client: TestClient, world: World) -> None:
    leaks = client.post(f"/api/splits/{world.project.id}/preview", json=BODY).json()["leaks"]
    assert leaks["unknown"] == 20
    assert leaks["pairs"] == []


def test_images_added_later_stand_in_no_subset(client: TestClient, world: World) -> None:
    dataset = world.workspace.dataset(world.project.id)
    records = list(dataset.records())
    replace_records(world, records[:15])
    client.post(f"/api/splits/{world.project.id}", json={**BODY, "name": "Early"})
    replace_records(world, records)
    query = {"split": "Early", "subset": "unassigned"}
    found = client.get(f"/api/datasets/{world.project.id}/images", params=query).json()
    assert {item["id"] for item in found["items"]} == {item.id for item in records[15:]}
    assert client.get(f"/api/splits/{world.project.id}/Early").json()["dataset_revision"] == 2


@pytest.mark.parametrize("change", [{}, {"folds": 3}, {"group_by": {"by": "similar"}}, {"group_by": {"by": "series"}}])
def test_a_dataset_that_lost_all_its_images_is_split_into_nothing(
    client: TestClient, world: World, change: dict[str, Any]
) -> None:
    replace_records(world, [])
    answer = client.post(f"/api/splits/{world.project.id}/preview", json={**BODY, **change})
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"] == {"train": 0, "val": 0, "test": 0}
    assert any("fewer images (0)" in text for text in answer.json()["warnings"])
