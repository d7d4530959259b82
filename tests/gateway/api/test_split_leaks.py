from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from tests.gateway.api.alike import altered, subset_of, two_alike
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]
BODY = {"ratios": {"train": 0.6, "val": 0.2, "test": 0.2}, "seed": 3, "strategy": "stratified"}


def test_near_duplicates_on_both_sides_are_a_leak(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}"
    records = altered(world, two_alike)
    leaks = client.post(f"{url}/preview", json=BODY).json()["leaks"]
    assert (leaks["near_duplicates"] > 0, leaks["groups"], leaks["unknown"]) == (True, 0, 0)
    assert leaks["near_duplicate_images"] == 2 * leaks["near_duplicates"]
    assert len(leaks["pairs"]) == leaks["near_duplicates"]
    place = {item.id: number for number, item in enumerate(records)}
    for pair in leaks["pairs"]:
        first, second = pair["first"], pair["second"]
        assert (pair["kind"], pair["distance"], pair["images"]) == ("near_duplicate", 1, 2)
        assert place[first["id"]] // 2 == place[second["id"]] // 2
        assert first["subset"] != second["subset"]
        assert first["filename"] == records[place[first["id"]]].filename
    body = refusal(client.post(url, json={**BODY, "name": "Leaky"}), 409, "split_leaks")
    assert "near duplicates" in body["detail"]
    assert client.get(url).json()["total"] == 1, "nothing is stored"
    made = client.post(url, json={**BODY, "name": "Leaky", "accept_leaks": True}).json()
    assert (made["leaky"], made["leaks"]) == (True, leaks)
    where = subset_of(client.get(f"{url}/Leaky").json()["assignment"])
    assert all(
        where[pair[side]["id"]] == pair[side]["subset"] for pair in leaks["pairs"] for side in ("first", "second")
    )


def test_everything_made_with_a_leaky_split_says_so(client: TestClient, world: World) -> None:
    altered(world, two_alike)
    client.post(f"/api/splits/{world.project.id}", json={**BODY, "name": "Leaky", "accept_leaks": True})
    url = f"/api/training/{world.project.id}/experiments"
    assert client.post(url, json={"split_name": "Leaky"}).json()["split_leaky"] is True
    assert client.post(url, json={"split_name": "A split"}).json()["split_leaky"] is False


def test_near_duplicates_kept_together_do_not_leak(client: TestClient, world: World) -> None:
    url = f"/api/splits/{world.project.id}"
    altered(world, two_alike)
    preview = client.post(f"{url}/preview", json={**BODY, "group_by": {"by": "similar"}}).json()
    assert (preview["groups"], preview["counts"]) == (10, {"train": 12, "val": 4, "test": 4})
    assert preview["leaks"]["pairs"] == []
    made = client.post(url, json={**BODY, "group_by": {"by": "similar"}, "name": "Whole"})
    assert (made.status_code, made.json()["leaky"]) == (201, False)


def test_frames_of_a_video_on_both_sides_are_a_leak(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}"
    altered(world, lambda place, _: {"filename": f"video{place // 4}_{place % 4}.jpg"})
    leaks = client.post(f"{url}/preview", json=BODY).json()["leaks"]
    assert leaks["groups"] > 0
    assert leaks["group_images"] == 4 * leaks["groups"]
    pair = leaks["pairs"][0]
    assert (pair["kind"], pair["images"]) == ("group", 4)
    assert pair["group"].startswith("video")
    assert pair["first"]["filename"].split("_")[0] == pair["second"]["filename"].split("_")[0]
    refusal(client.post(url, json={**BODY, "name": "Frames"}), 409, "split_leaks")
    together = client.post(f"{url}/preview", json={**BODY, "group_by": {"by": "series"}}).json()
    assert (together["groups"], together["leaks"]["groups"]) == (5, 0)
    by_nothing = {"by": "filename", "separator": "@", "parts": 1}
    apart = client.post(f"{url}/preview", json={**BODY, "group_by": by_nothing}).json()
    assert apart["leaks"]["groups"] > 0, "groups of one image each keep nothing together"
    assert any("No two images share a group" in text for text in apart["warnings"])


def test_images_are_kept_together_by_a_column(client: TestClient, world: World, refusal: Refusal) -> None:
    url = f"/api/splits/{world.project.id}/preview"
    altered(world, lambda place, _: {"meta": {"columns": {"plant": f"p{place // 4}" if place < 16 else ""}}})
    body = {**BODY, "group_by": {"by": "column", "column": "plant"}}
    answer = client.post(url, json=body).json()
    assert answer["groups"] == 4 + 4
    assert "4 images have no value in the column 'plant' and stand for themselves." in answer["warnings"]
    wrong = {**BODY, "group_by": {"by": "column", "column": "plan"}}
    assert "plant" in refusal(client.post(url, json=wrong), 422, "column_not_found")["hint"]
    refusal(client.post(url, json={**BODY, "group_by": {"by": "column"}}), 422, "invalid_request")
