"""Changes of a dataset through the API: each a revision, readable, and undone by restoring."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.job import JobKind
from shared.vision.subsets import load_subsets
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]


@pytest.fixture
def base(world: World) -> str:
    return f"/api/datasets/{world.project.id}"


def total(client: TestClient, base: str, query: str = "") -> int:
    return int(client.get(f"{base}/images?{query}").json()["total"])


def some(client: TestClient, base: str, query: str, count: int) -> list[str]:
    return [item["id"] for item in client.get(f"{base}/images?{query}").json()["items"][:count]]


def test_the_first_revision_is_read_as_what_was_imported(client: TestClient, base: str) -> None:
    listed = client.get(f"{base}/revisions").json()
    assert [(item["number"], item["current"], item["image_count"]) for item in listed["items"]] == [(1, True, 20)]
    change = client.get(f"{base}/revisions/1").json()
    assert (change["against"], change["added"]["count"], change["removed"]["count"]) == (None, 20, 0)
    assert [(item["what"], item["name"]) for item in change["classes"]] == [("added", "class 0"), ("added", "class 1")]


def test_images_are_relabelled_deleted_and_brought_back(client: TestClient, base: str) -> None:
    first, second = (item["id"] for item in client.get(base).json()["classes"])
    chosen = some(client, base, "class=class 0", 3)
    head = client.post(f"{base}/images/relabel", json={"image_ids": chosen, "class_id": second}).json()
    assert [item["count"] for item in head["classes"]] == [7, 13]
    head = client.post(f"{base}/images/delete", json={"image_ids": chosen[:2]}).json()
    assert (head["revision"], head["image_count"], head["annotation_count"]) == (3, 18, 18)
    assert client.get(f"{base}/images/{chosen[0]}").status_code == 200, (
        "what an old revision has can still be looked at"
    )

    change = client.get(f"{base}/revisions/2").json()["relabelled"]
    assert change["count"] == 3
    assert {(item["id"], *item["before"], *item["after"]) for item in change["images"]} == {
        (image_id, "class 0", "class 1") for image_id in chosen
    }
    assert client.get(f"{base}/revisions/3").json()["removed"]["count"] == 2
    whole = client.get(f"{base}/revisions/3?against=1").json()
    assert (whole["removed"]["count"], whole["relabelled"]["count"]) == (2, 1)

    head = client.post(f"{base}/revisions/1/restore").json()
    assert (head["revision"], [item["count"] for item in head["classes"]]) == (4, [10, 10])
    assert total(client, base) == 20
    reasons = [item["reason"] for item in client.get(f"{base}/revisions").json()["items"]]
    assert reasons == ["restored revision 1", "deleted 2 images", "relabelled 3 images as class 1", "import"]
    assert first != second


def test_classes_are_renamed_recoloured_and_merged(client: TestClient, base: str, refusal: Refusal) -> None:
    first, second = (item["id"] for item in client.get(base).json()["classes"])
    head = client.patch(f"{base}/classes/{first}", json={"name": "round", "color": "#123456"}).json()
    assert next((item["name"], item["color"]) for item in head["classes"]) == ("round", "#123456")
    assert total(client, base, "class=round") == 10
    refusal(client.get(f"{base}/images?class=class 0"), 422, "class_not_found")
    changes = client.get(f"{base}/revisions/2").json()["classes"]
    assert [(item["what"], item["name"], item["now"]) for item in changes] == [
        ("renamed", "class 0", "round"),
        ("recoloured", "round", "#123456"),
    ]
    refusal(client.patch(f"{base}/classes/{first}", json={"name": "CLASS 1"}), 409, "class_exists")
    refusal(client.patch(f"{base}/classes/77", json={"name": "x"}), 404, "class_not_found")
    refusal(client.patch(f"{base}/classes/{first}", json={"color": "red"}), 422, "invalid_request")
    refusal(client.post(f"{base}/classes/merge", json={"sources": [first], "target": first}), 422, "invalid_value")

    head = client.post(f"{base}/classes/merge", json={"sources": [second], "target": first}).json()
    assert [(item["name"], item["count"]) for item in head["classes"]] == [("round", 20)]
    change = client.get(f"{base}/revisions/3").json()
    assert change["relabelled"]["count"] == 10
    assert [(item["what"], item["name"]) for item in change["classes"]] == [("removed", "class 1")]


def test_a_change_that_changes_nothing_makes_no_revision(client: TestClient, base: str) -> None:
    first = client.get(base).json()["classes"][0]
    for body in ({"name": first["name"]}, {}):
        assert client.patch(f"{base}/classes/{first['id']}", json=body).json()["revision"] == 1
    chosen = some(client, base, "class=class 0", 1)
    body = {"image_ids": chosen, "class_id": first["id"]}
    assert client.post(f"{base}/images/relabel", json=body).json()["revision"] == 1


def test_what_cannot_be_changed(client: TestClient, base: str, world: World, refusal: Refusal) -> None:
    everything = some(client, base, "", 20)
    refusal(client.post(f"{base}/images/delete", json={"image_ids": everything}), 409, "dataset_would_be_empty")
    refusal(client.post(f"{base}/images/delete", json={"image_ids": ["0" * 16]}), 404, "image_not_found")
    refusal(client.post(f"{base}/images/delete", json={"image_ids": ["../x"]}), 404, "image_not_found")
    refusal(client.post(f"{base}/images/delete", json={"image_ids": []}), 422, "invalid_request")
    refusal(client.post(f"{base}/revisions/7/restore"), 404, "revision_not_found")
    refusal(client.get(f"{base}/revisions/1?against=7"), 404, "revision_not_found")
    one = {"image_ids": everything[:1]}
    stale = client.post(f"{base}/images/delete", json=one, headers={"If-Match": '"7"'})
    refusal(stale, 412, "dataset_changed")
    world.workspace.jobs.create(JobKind.IMPORT, world.project.id, "An import", {})
    refusal(client.post(f"{base}/images/delete", json=one), 409, "import_is_running")


def test_splits_and_experiments_keep_the_revision_they_were_made_with(
    client: TestClient, base: str, world: World
) -> None:
    experiment = world.experiment()
    gone = world.split.assignment["train"][:2]
    client.post(f"{base}/images/delete", json={"image_ids": gone})
    newest, oldest = client.get(f"{base}/revisions").json()["items"]
    assert (newest["splits"], newest["experiments"]) == ([], [])
    assert [item["name"] for item in oldest["splits"]] == ["A split"]
    assert [item["id"] for item in oldest["experiments"]] == [experiment.id]
    seen = load_subsets(world.workspace, world.project.id, experiment.configuration, ("train",))["train"]
    assert {item.id for item in seen} == set(world.split.assignment["train"])
    assert total(client, base, "split=A split&subset=train") == len(seen) - 2
