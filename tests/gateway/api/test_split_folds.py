from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.gateway.api.alike import altered, replace_records, subset_of, two_alike
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]
BODY = {"ratios": {"train": 0.6, "val": 0.2, "test": 0.2}, "seed": 3, "strategy": "stratified"}


FOLDS = {"ratios": {"train": 0.8, "val": 0.0, "test": 0.2}, "seed": 3, "folds": 4}


def test_folds_are_splits_that_take_turns(client: TestClient, world: World) -> None:
    url = f"/api/splits/{world.project.id}"
    preview = client.post(f"{url}/preview", json=FOLDS).json()
    assert preview["fold_counts"] == [{"train": 12, "val": 4, "test": 4}] * 4
    assert preview["ratios"] == pytest.approx({"train": 0.6, "val": 0.2, "test": 0.2})
    answer = client.post(url, json={**FOLDS, "name": "Turn"})
    assert answer.status_code == 201
    made = answer.json()["items"]
    assert [item["name"] for item in made] == ["Turn-1", "Turn-2", "Turn-3", "Turn-4"]
    assert [(item["folds"], item["fold"], item["locked"]) for item in made] == [
        (4, fold, True) for fold in (1, 2, 3, 4)
    ]
    assert {key: made[0][key] for key in ("counts", "subsets", "warnings")} == {
        key: preview[key] for key in ("counts", "subsets", "warnings")
    }
    parts = [client.get(f"{url}/{item['id']}").json()["assignment"] for item in made]
    assert len({tuple(part["test"]) for part in parts}) == 1
    everything = set().union(*(part["val"] for part in parts), parts[0]["test"])
    assert (len(everything), sum(len(part["val"]) for part in parts)) == (20, 16)
    assert all(set(part["train"]) == everything - set(part["val"]) - set(part["test"]) for part in parts)


def test_of_folds_all_are_kept_or_none(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}"
    client.post(url, json={**BODY, "name": "turn-3"})
    refusal(client.post(url, json={**FOLDS, "name": "Turn"}), 409, "split_exists")
    assert [item["name"] for item in client.get(url).json()["items"]] == ["turn-3", "A split"]
    refusal(client.post(url, json={**FOLDS, "name": "x" * 79}), 422, "invalid_request")
    assert client.post(url, json={**FOLDS, "name": "x" * 78}).status_code == 201


def test_a_leak_of_folds_is_one_in_any_of_them(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}"
    altered(world, two_alike)
    leaks = client.post(f"{url}/preview", json=FOLDS).json()["leaks"]
    assert all(pair["first"]["subset"] != pair["second"]["subset"] for pair in leaks["pairs"])
    refusal(client.post(url, json={**FOLDS, "name": "Turn"}), 409, "split_leaks")
    made = client.post(url, json={**FOLDS, "name": "Turn", "accept_leaks": True}).json()["items"]
    for pair in leaks["pairs"]:
        where = subset_of(client.get(f"{url}/Turn-{pair['fold']}").json()["assignment"])
        assert all(where[pair[side]["id"]] == pair[side]["subset"] for side in ("first", "second"))
    assert max(item["leaks"]["near_duplicates"] for item in made) <= leaks["near_duplicates"]


@pytest.mark.parametrize("folds", [0, 1, 21, "x"])
def test_folds_that_make_no_sense(client: TestClient, world: World, refusal: Refusal, folds: Any) -> None:
    refusal(client.post(f"/api/splits/{world.project.id}/preview", json={"folds": folds}), 422, "invalid_request")
    body = {"folds": 3, "strategy": "imported"}
    refusal(client.post(f"/api/splits/{world.project.id}/preview", json=body), 422, "invalid_request")


def test_fewer_images_than_parts_are_warned_of(client: TestClient, world: World) -> None:
    records = list(world.workspace.dataset(world.project.id).records())
    replace_records(world, records[:2])
    url = f"/api/splits/{world.project.id}/preview"
    assert "There are fewer images (2) than subsets (3)." in client.post(url, json=BODY).json()["warnings"]
    assert "There are fewer images (2) than parts (5)." in client.post(url, json=FOLDS).json()["warnings"]


def test_what_only_a_later_fold_lacks_is_warned_of_too(client: TestClient, world: World) -> None:
    records = list(world.workspace.dataset(world.project.id).records())
    replace_records(world, [records[0], *records[1::2]])
    body = {"ratios": {"train": 1, "val": 0, "test": 0}, "folds": 5}
    url = f"/api/splits/{world.project.id}"
    told = client.post(f"{url}/preview", json=body).json()["warnings"]
    made = client.post(url, json={**body, "name": "Rare"}).json()["items"]
    assert made[0]["warnings"] == [text for text in told if not text.startswith("Fold ")]
    assert [text for item in made[1:] for text in item["warnings"] if text not in made[0]["warnings"]] == [
        text.partition(": ")[2] for text in told if text.startswith("Fold ")
    ]
    assert any("has no image of class 0" in text for text in told)
