"""The dataset's page: what its bars, fields and forms do to the images and to the address."""

from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient

from services.gateway.pages import statistics
from shared.settings import Settings
from shared.store.chunks import line_id, record_line
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec
from tests.gateway.pages.conftest import Page
from tests.support.generated import World


@pytest.fixture
def path(client: TestClient, world: World) -> str:
    """Images of which some have no annotation and all differ in brightness, with a revision behind them."""
    dataset = world.workspace.dataset(world.project.id)
    records = {
        item.id: item.model_copy(
            update={"brightness": 10.0 * at, "annotations": item.annotations if at % 5 else [], "width": 80 + at % 3}
        )
        for at, item in enumerate(dataset.records())
    }
    digests = {chunk.hash for chunk in dataset.head().chunks}
    edit = lambda line: record_line(records[line_id(line)])  # noqa: E731
    dataset.revise(lambda head: dataset.rewritten(head, digests, edit), reason="measured")
    return f"/projects/{world.project.id}/dataset"


def tiles(tree: BeautifulSoup) -> list[str]:
    return [str(item["value"]) for item in tree.select("#images input[name=image]")]


def test_every_bar_of_every_chart_shows_as_many_images_as_it_says(page: Page, path: str) -> None:
    tree = page(path)
    columns = tree.select("aside a.column")
    assert len({chart["aria-label"] for chart in tree.select("aside [role=group]")}) == 4
    for column in columns:
        said = int(str(column["aria-label"]).split(": ")[1].split()[0])
        filtered = page(str(column["href"]))
        assert len(tiles(filtered)) == said
        again = filtered.select_one("aside a.column[aria-current]")
        assert again is not None
        assert len(tiles(page(str(again["href"])))) == 20, "a bar clicked twice filters no more"


def test_the_bar_of_a_class_counts_the_images_it_shows(page: Page, path: str, world: World) -> None:
    head = world.workspace.dataset(world.project.id).head()
    counted = head.statistics.model_copy(update={"annotation_counts": {item.id: 500 for item in head.classes}})
    rows = statistics.classes(head.model_copy(update={"statistics": counted}), path, {})
    for row in rows:
        assert (row.images, row.count) == (len(tiles(page(row.url))), 500)
        assert row.share == row.images / max(other.images for other in rows)


def test_bars_and_fields_add_up_in_the_address(page: Page, path: str) -> None:
    tree = page(f"{path}?label_state=labelled&density=compact&max_width=82")
    column = tree.select("aside [aria-label='Brightness'] a.column")[-1]
    query = parse_qs(urlsplit(str(column["href"])).query)
    assert (query["label_state"], query["density"], query["max_width"]) == (["labelled"], ["compact"], ["82"])
    filtered = page(str(column["href"]))
    hidden = {item["name"]: item["value"] for item in filtered.select("input[type=hidden][form=filters]")}
    assert set(hidden) == {"min_brightness", "max_brightness"}, "what no field shows stays when a field changes"
    chip = filtered.select_one(".chips a")
    assert chip is not None
    assert "brightness" not in str(chip["href"])
    assert filtered.select_one("input[name=max_width]")["value"] == "82"  # type: ignore[index]
    image = filtered.select_one("#images a.thumb")
    assert image is not None
    assert "min_brightness" in str(image["href"])
    assert "density=compact" in str(page(str(image["href"])).select_one("a[data-key=Escape]")["href"])  # type: ignore[index]


def test_the_way_back_from_an_image_leads_to_its_page(page: Page, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.pages.dataset.PAGE_SIZE", 6)
    for query in ("sort_order=desc", "label_state=labelled"):
        tree = page(f"{path}?{query}&page=2")
        last = str(tree.select("#images a.thumb")[-1]["href"])
        shown = page(last)
        assert tiles(page(str(shown.select_one("a[data-key=Escape]")["href"]))) == tiles(tree)  # type: ignore[index]
        following = page(str(shown.select_one("a[data-key=ArrowRight]")["href"]))  # type: ignore[index]
        back = str(following.select_one("a[data-key=Escape]")["href"])  # type: ignore[index]
        assert tiles(page(back)) == tiles(page(f"{path}?{query}&page=3"))
    assert tiles(page(f"{path}?at=nothing")) == tiles(page(path)), "an image that is gone leads to the first page"


@pytest.mark.parametrize("spec", registry.specs(), ids=lambda spec: spec.id)
def test_images_are_sorted_by_what_they_can_have(page: Page, settings: Settings, spec: TaskSpec) -> None:
    project = World(settings.workspace, spec.id).project.id
    offered = {str(item["value"]) for item in page(f"/projects/{project}/dataset").select("#f-sort option")}
    assert {"size", "imported_at"} <= offered
    assert ("class" in offered) == (spec.annotation_kind != "value")
    assert ("annotations" in offered) == (spec.annotation_kind not in ("label", "value"))


def test_filters_that_mean_nothing_are_told(page: Page, path: str) -> None:
    for query in ("subset=half", "class=zebra", "density=tiny", "min_width=wide"):
        assert page(f"{path}?{query}", 422).select_one("main .empty") is not None


def test_selected_images_are_relabelled_and_deleted(client: TestClient, page: Page, path: str, world: World) -> None:
    dataset = world.workspace.dataset(world.project.id)
    chosen = tiles(page(f"{path}?class=class 0"))[:2]
    second = dataset.head().classes[1].id
    form = {"image": chosen, "class_id": str(second)}
    answer = client.post(f"{path}/selection/relabel?class=class 0", data=form, headers={"HX-Request": "true"})
    assert "class=class" in answer.headers["HX-Location"]
    assert not set(chosen) & set(tiles(page(f"{path}?class=class 0")))
    wanted = tiles(page(f"{path}?label_state=unlabelled"))
    client.post(f"{path}/selection/delete?label_state=unlabelled", data={"all": "on"}, headers={"HX-Request": "true"})
    assert dataset.head().image_count == 20 - len(wanted) == 16
    nothing = client.post(f"{path}/selection/delete", data={}, headers={"HX-Request": "true"})
    assert nothing.status_code == 422


def test_classes_are_changed_by_their_dialogs(client: TestClient, page: Page, path: str, world: World) -> None:
    tree = page(path)
    form = tree.select_one("#edit-class form")
    assert form is not None
    class_id = form.select_one("option")["value"]  # type: ignore[index]
    client.post(str(form["hx-post"]), data={"class_id": class_id, "name": "round", "color": "#112233"})
    assert tree.select_one("#merge-classes form") is not None
    first, second = world.workspace.dataset(world.project.id).head().classes
    assert (first.name, first.color) == ("round", "#112233")
    client.post(f"{path}/classes/merge", data={"sources": [str(second.id)], "target": str(first.id)})
    assert [item.name for item in world.workspace.dataset(world.project.id).head().classes] == ["round"]
    assert page(path).select_one("#merge-classes") is None


def test_the_history_tells_what_changed_and_restores(client: TestClient, page: Page, path: str, world: World) -> None:
    tree = page(f"{path}/revisions?shown=2")
    assert [row.select_one("td").get_text() for row in tree.select("tbody tr")] == ["2", "1"]  # type: ignore[union-attr]
    assert "A split" in tree.select("tbody tr")[1].get_text()
    shown = tree.select_one("#change section")
    assert shown is not None
    assert (shown["aria-label"], len(shown.select("a.thumb"))) == ("Relabelled", 4)
    form = tree.select_one("#restore-1 form")
    assert form is not None
    client.post(str(form["hx-post"]))
    head = world.workspace.dataset(world.project.id).head()
    assert (head.revision, head.statistics.unlabelled) == (3, 0)
    page(f"{path}/revisions?shown=77", 404)
