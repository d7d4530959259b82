"""What happens to forms: errors beside their field, what was typed stays, everything else is a toast."""

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient

from shared.settings import Settings
from tests.gateway.conftest import TASK
from tests.gateway.pages.conftest import Page, Studied
from tests.support.generated import World

HTMX = {"HX-Request": "true"}


def posted(client: TestClient, path: str, status: int, /, **data: Any) -> tuple[BeautifulSoup, dict[str, str]]:
    answer = client.post(path, data=data, headers=HTMX)
    assert answer.status_code == status, answer.text[:2000]
    return BeautifulSoup(answer.text, "html.parser"), dict(answer.headers)


def error_at(tree: BeautifulSoup, name: str) -> str:
    control = tree.select_one(f"[name='{name}']")
    assert control is not None
    assert control["aria-invalid"] == "true"
    said = tree.find(id=str(control["aria-describedby"]).split()[0])
    assert said is not None
    return said.get_text()


def test_a_project_is_made_and_opened(client: TestClient) -> None:
    _, headers = posted(client, "/projects", 200, name="Leaves", task=TASK.id)
    path = json.loads(headers["hx-location"])["path"]
    assert client.get(path).status_code == 200


def test_without_htmx_a_form_redirects(client: TestClient) -> None:
    answer = client.post("/projects", data={"name": "Leaves", "task": TASK.id}, follow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize("name", ["", "   ", "x" * 10_000, "\x07"])
def test_a_bad_name_is_told_beside_the_field_and_kept(client: TestClient, name: str) -> None:
    tree, _ = posted(client, "/projects", 422, name=name, task=TASK.id, description="words")
    assert error_at(tree, "name")
    assert tree.select_one("[name=name]")["value"] == name  # type: ignore[index]
    assert tree.select_one("[name=description]").get_text() == "words"  # type: ignore[union-attr]


def test_an_unknown_task_is_told(client: TestClient) -> None:
    tree, _ = posted(client, "/projects", 422, name="Leaves", task="no such")
    assert "no such" in tree.get_text()


def test_a_path_that_does_not_exist(client: TestClient, project_id: str) -> None:
    path = f"/projects/{project_id}/dataset/import"
    tree, _ = posted(client, path, 422, path="/no/where", format="auto", mode="append")
    assert tree.select_one("[name=path]")["value"] == "/no/where"  # type: ignore[index]
    assert tree.select_one(".error-text, .note.bad") is not None


def test_the_preview_of_a_split(client: TestClient, studied: Studied) -> None:
    ratios = {"train": 60, "val": 20, "test": 20}
    tree, _ = posted(client, f"{studied.path}/split/preview", 200, strategy="stratified", seed=1, **ratios)
    assert [item.get_text() for item in tree.select(".metric .value")] == ["12", "4", "4"]
    refused, _ = posted(client, f"{studied.path}/split/preview", 422, strategy="stratified", seed=1, train="x")
    assert refused.select("#preview .note.bad")


def test_a_split_that_keeps_alike_images_together(client: TestClient, page: Page, studied: Studied) -> None:
    shown = page(f"{studied.path}/split").select_one("#split-form")
    assert shown is not None
    names = {str(item["name"]) for item in shown.select("[name]")}
    assert {"group_by", "separator", "parts"} <= names
    assert "0-0.jpg" in str(shown.select_one("[x-data^=groups]"))
    form = {"train": 50, "val": 50, "test": 0, "strategy": "random", "seed": 1, "separator": "-", "parts": 1}
    tree, _ = posted(client, f"{studied.path}/split/preview", 200, group_by="filename", **form)
    assert "2 groups" in tree.get_text()
    assert [item.get_text() for item in tree.select(".metric .value")] == ["10", "10", "0"]
    alone, _ = posted(client, f"{studied.path}/split/preview", 200, group_by="", **form)
    assert "groups" not in alone.get_text()
    posted(client, f"{studied.path}/split", 200, group_by="filename", name="By name", **form)
    row = page(f"{studied.path}/split").select_one("table tbody tr")
    assert row is not None
    assert "Random, by file name" in row.get_text()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"separator": ""}, "separator"),
        ({"parts": "0"}, "parts"),
        ({"parts": ""}, "parts"),
        ({"strategy": "imported"}, "group_by"),
        ({"seed": "-1"}, "seed"),
        ({"train": "90"}, "train"),
        ({"train": "x"}, "train"),
        ({"folds": "77"}, "folds"),
    ],
)
def test_what_is_wrong_with_a_split_is_told_at_its_field(
    client: TestClient, page: Page, studied: Studied, wrong: dict[str, str], field: str
) -> None:
    form = {"train": 60, "val": 20, "test": 20, "strategy": "random", "seed": 1, "separator": "-", "parts": 1}
    tree, _ = posted(client, f"{studied.path}/split/preview", 422, **{**form, "group_by": "filename", **wrong})
    (said,) = [item for item in tree.select("[hx-swap-oob]") if item.get_text()]
    controls = page(f"{studied.path}/split").select(f"#split-form [aria-errormessage={said['id']}]")
    assert field in [item["name"] for item in controls]
    mended, _ = posted(client, f"{studied.path}/split/preview", 200, **form)
    assert [item.get_text() for item in mended.select(f"#{said['id']}[hx-swap-oob]")] == [""]
    named, _ = posted(client, f"{studied.path}/split", 422, **{**form, "group_by": "filename", **wrong, "name": "New"})
    assert named.select_one(".note.bad") is not None


def test_of_many_classes_the_first_forty_are_shown(client: TestClient, settings: Settings) -> None:
    many = World(settings.workspace, TASK.id, class_count=43, per_class=2)
    form = {"train": 50, "val": 50, "test": 0, "strategy": "stratified", "seed": 1}
    tree, _ = posted(client, f"/projects/{many.project.id}/split/preview", 200, **form)
    shown = [item.get_text() for item in tree.select(".bars [role=rowheader]")]
    assert shown == [f"class {number}" for number in range(40)]
    assert "and 3 more" in tree.get_text()


def test_a_taken_name_of_a_split(client: TestClient, studied: Studied) -> None:
    ratios = {"train": 60, "val": 20, "test": 20}
    tree, _ = posted(client, f"{studied.path}/split", 422, name="A SPLIT", strategy="random", seed=1, **ratios)
    assert "already" in error_at(tree, "name")
    assert tree.select_one("[name=name]")["value"] == "A SPLIT"  # type: ignore[index]


def form_values(tree: BeautifulSoup) -> dict[str, Any]:
    """Return what a browser would send of the configuration form; of the steps of the pipeline a list."""
    values: dict[str, Any] = {"augmentation": []}
    for control in tree.select("#configuration input[name]"):
        if control["name"] == "augmentation":
            values["augmentation"].append(control["value"])
        elif control.get("type") not in ("checkbox", "radio") or control.has_attr("checked"):
            values[str(control["name"])] = control.get("value", "")
    for control in tree.select("#configuration select[name]"):
        chosen = control.select_one("option[selected]") or control.select_one("option")
        values[str(control["name"])] = chosen.get("value", chosen.get_text())  # type: ignore[union-attr]
    return values


def test_the_form_gives_back_the_configuration_it_shows(client: TestClient, page: Page, studied: Studied) -> None:
    made = studied.world.experiment()
    path = f"{studied.path}/training"
    values = form_values(page(f"{path}?experiment={made.id}"))
    posted(client, f"{path}/{made.id}/save", 200, **values)
    stored = studied.world.workspace.experiments(studied.world.project.id).get(made.id)
    before = made.configuration
    assert stored.configuration.params == {**stored.configuration.params, **before.params}
    assert stored.configuration.augmentations == before.augmentations
    assert stored.configuration.hardware.loader_workers == before.hardware.loader_workers


def test_bad_parameters_are_told_beside_their_fields(client: TestClient, page: Page, studied: Studied) -> None:
    made = studied.world.experiment()
    path = f"{studied.path}/training"
    values = form_values(page(f"{path}?experiment={made.id}"))
    step = next(name for name in values if name.startswith("augmentation.") and not name.endswith(".on"))
    tree, _ = posted(client, f"{path}/{made.id}/save", 422, **{**values, "params.epochs": "many", "name": "Kept"})
    assert error_at(tree, "params.epochs")
    assert tree.select_one("[name='params.epochs']")["value"] == "many"  # type: ignore[index]
    assert tree.select_one("[name=name]")["value"] == "Kept"  # type: ignore[index]
    impossible = {"hardware.device": "cpu", "hardware.precision": "16-mixed"}
    tree, _ = posted(client, f"{path}/{made.id}/start", 422, **{**values, **impossible})
    assert "needs a GPU" in error_at(tree, "hardware.precision")
    tree, _ = posted(client, f"{path}/{made.id}/start", 422, **{**values, step: "99"})
    assert "number from" in error_at(tree, step)


def test_steps_are_kept_in_the_order_in_which_they_are_sent(client: TestClient, page: Page, studied: Studied) -> None:
    made = studied.world.experiment()
    path = f"{studied.path}/training"
    values = form_values(page(f"{path}?experiment={made.id}"))
    order = [transform.name for transform in TASK.transforms[3:0:-1]]
    for name in order:
        added = page(f"{path}/augmentations/step?offer={name}")
        values |= {str(item["name"]): item["value"] for item in added.select("input[name]:not([name=augmentation])")}
    del values[f"augmentation.{order[0]}.on"]
    posted(client, f"{path}/{made.id}/save", 200, **{**values, "augmentation": order})
    stored = studied.world.workspace.experiments(studied.world.project.id).get(made.id).configuration.augmentations
    assert [step.name for step in stored] == order
    assert [step.enabled for step in stored] == [False, True, True]
    shown = page(f"{path}?experiment={made.id}")
    assert form_values(shown)["augmentation"] == order
    changed = shown.select_one("[data-pipeline-changed]")
    assert changed is not None
    assert not changed.has_attr("hidden")


def test_an_impossible_order_is_told_at_its_step(client: TestClient, page: Page, studied: Studied) -> None:
    made = studied.world.experiment()
    path = f"{studied.path}/training"
    values = form_values(page(f"{path}?experiment={made.id}"))
    last = next(transform for transform in TASK.transforms if transform.last)
    added = page(f"{path}/augmentations/step?offer={last.name}")
    values |= {str(item["name"]): item["value"] for item in added.select("input[name]:not([name=augmentation])")}
    order = [last.name, *values["augmentation"]]
    tree, _ = posted(client, f"{path}/{made.id}/save", 422, **{**values, "augmentation": order})
    assert form_values(tree)["augmentation"] == order
    assert "has to stand last" in error_at(tree, f"augmentation.{last.name}.on")


def test_the_steps_a_task_starts_with_come_back(page: Page, studied: Studied) -> None:
    rows = page(f"{studied.path}/training/augmentations/defaults").select("[name=augmentation]")
    assert [row["value"] for row in rows] == [step.name for step in TASK.augmentations]
    page(f"{studied.path}/training/augmentations/step?offer=explode", 404)


def test_starting_and_stopping(client: TestClient, page: Page, studied: Studied) -> None:
    made = studied.world.experiment()
    path = f"{studied.path}/training"
    values = form_values(page(f"{path}?experiment={made.id}"))
    posted(client, f"{path}/{made.id}/start", 200, **values)
    assert "Waiting for a worker" in page(f"{path}?experiment={made.id}").get_text()
    posted(client, f"{path}/{made.id}/stop", 200)
    posted(client, f"{path}/{made.id}/restart", 200)
    assert page(f"{path}?experiment={made.id}").select_one("#configuration input") is not None


def test_an_evaluation_needs_a_subset(client: TestClient, studied: Studied) -> None:
    path = f"{studied.path}/evaluation/{studied.experiment.id}"
    tree, _ = posted(client, path, 422, checkpoint="best", batch_size="0")
    said = [item.get_text() for item in tree.select(".error-text")]
    assert len(said) == 2
    assert tree.select_one("[name=batch_size]")["value"] == "0"  # type: ignore[index]


def test_resetting_an_evaluation_removes_it(client: TestClient, page: Page, studied: Studied) -> None:
    posted(client, f"{studied.path}/evaluation/{studied.experiment.id}/reset", 200)
    assert "Not evaluated yet" in page(f"{studied.path}/evaluation").get_text()


def test_exports_start_and_go(client: TestClient, page: Page, studied: Studied) -> None:
    body = {"experiment_id": studied.experiment.id, "checkpoint": "best"}
    tree, _ = posted(client, f"{studied.path}/export", 422, format="no such", **body)
    assert "no such" in tree.get_text()
    posted(client, f"{studied.path}/export", 200, format=TASK.export_formats[0].value, **body)
    assert len(page(f"{studied.path}/export").select("article")) == 2
    posted(client, f"{studied.path}/export/export-00000001/delete", 200)
    assert len(page(f"{studied.path}/export").select("article")) == 1


def test_other_errors_are_toasts_for_htmx_and_pages_for_people(client: TestClient, page: Page) -> None:
    answer = client.post("/projects/project-00000000/delete", headers=HTMX)
    toast = json.loads(answer.headers["hx-trigger"])["studio:toast"]
    assert (answer.status_code, toast["kind"]) == (404, "bad")
    assert "Status 404" in page("/projects/../../etc/passwd", 404).get_text()
    assert "Status 404" in page("/projects/project-00000000/dataset", 404).get_text()


def test_toasts_may_hold_any_text(client: TestClient, project_id: str) -> None:
    client.patch(f"/api/projects/{project_id}", json={"name": "Blätter 🍂"})
    answer = client.post(f"/projects/{project_id}/delete", headers=HTMX)
    assert "Blätter 🍂" in json.loads(answer.headers["hx-trigger"])["studio:toast"]["message"]
