"""Edits of a dataset from its pages: what is refused stands at its field, and nobody overwrites another one unseen."""

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient

from tests.gateway.pages.conftest import Page
from tests.gateway.pages.test_forms import error_at, posted
from tests.support.generated import World


@pytest.fixture
def path(client: TestClient, world: World) -> str:
    return f"/projects/{world.project.id}/dataset"


def seen(tree: BeautifulSoup) -> str:
    return str(tree.select_one("[name=revision]")["value"])  # type: ignore[index]


def test_a_taken_name_of_a_class_is_told_at_the_field(client: TestClient, path: str, world: World) -> None:
    first, second = world.workspace.dataset(world.project.id).head().classes
    form = {"class_id": second.id, "name": first.name.upper(), "color": "#123456"}
    tree, _ = posted(client, f"{path}/classes/edit", 422, **form)
    assert "already" in error_at(tree, "name")
    typed = {name: tree.select_one(f"[name={name}]")["value"] for name in ("name", "color")}  # type: ignore[index]
    assert typed == {"name": first.name.upper(), "color": "#123456"}
    assert tree.select_one("option[selected]")["value"] == str(second.id)  # type: ignore[index]
    nameless, _ = posted(client, f"{path}/classes/edit", 422, class_id=second.id, name=" ", color="#123456")
    assert error_at(nameless, "name")
    assert world.workspace.dataset(world.project.id).head().revision == 1


@pytest.mark.parametrize("edit", ["classes/edit", "classes/merge", "selection/delete", "selection/relabel", "restore"])
def test_an_edit_of_what_somebody_else_changed_is_told_and_can_be_sent_again(
    client: TestClient, page: Page, path: str, world: World, edit: str
) -> None:
    dataset = world.workspace.dataset(world.project.id)
    first, second = dataset.head().classes
    image = next(dataset.records()).id
    posted(client, f"{path}/classes/edit", 200, class_id=first.id, name="round", color="#112233")
    forms: dict[str, dict[str, Any]] = {
        "classes/edit": {"class_id": first.id, "name": "oval", "color": "#112233"},
        "classes/merge": {"sources": second.id, "target": first.id},
        "selection/delete": {"image": image},
        "selection/relabel": {"image": image, "class_id": second.id},
        "restore": {},
    }
    target = f"{path}/revisions/1/restore" if edit == "restore" else f"{path}/{edit}"
    shown = seen(page(f"{path}/revisions" if edit == "restore" else path))
    posted(client, f"{path}/classes/edit", 200, class_id=second.id, name="square", color="#445566", revision=shown)
    answer, headers = posted(client, target, 422, revision=shown, **forms[edit])
    toast = json.loads(headers["hx-trigger"])["studio:toast"]
    assert "Somebody else changed the dataset" in toast["message"]
    assert headers["hx-reswap"] == "none"
    assert dataset.head().revision == 3
    posted(client, target, 200, revision=seen(answer), **forms[edit])
    assert dataset.head().revision == 4


def test_forms_that_change_the_dataset_send_the_revision_they_show(page: Page, path: str) -> None:
    tree = page(path)
    for dialog in ("edit-class", "merge-classes", "delete-images", "relabel-images"):
        form = tree.select_one(f"#{dialog} form")
        assert form is not None
        assert "#seen-revision" in str(form["hx-include"])
    assert tree.select_one("#page #seen-revision") is not None, "it is rendered anew with the page"
