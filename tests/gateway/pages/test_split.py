import re

from fastapi.testclient import TestClient

from shared.schemas.dataset import ImageRecord, Legend, TargetInfo
from shared.settings import Settings
from shared.taskkit import registry
from tests.gateway.api.alike import altered, two_alike
from tests.gateway.pages.conftest import Page, Studied
from tests.gateway.pages.test_forms import posted
from tests.support.generated import World


def test_a_split_that_leaks_is_shown_and_asked_about(client: TestClient, page: Page, studied: Studied) -> None:
    world, url = studied.world, f"{studied.path}/split"
    altered(world, two_alike)
    form = {"train": 60, "val": 20, "test": 20, "strategy": "stratified", "seed": 3}
    tree, _ = posted(client, f"{url}/preview", 200, **form)
    assert "near duplicates" in tree.select_one(".note.warn").get_text()  # type: ignore[union-attr]
    pictures = tree.select("ul[aria-label='Images on different sides'] li:first-child img")
    assert len({str(item["src"]) for item in pictures}) == 2
    asked, _ = posted(client, url, 422, name="Leaky", **form)
    assert asked.select_one("[name=accept_leaks]") is not None
    assert asked.select_one("[name=name]")["value"] == "Leaky"  # type: ignore[index]
    posted(client, url, 200, name="Leaky", accept_leaks="on", **form)
    row = page(url).select_one("table tbody tr")
    assert row is not None
    assert "Leaky split" in row.get_text()


def test_what_was_made_with_a_leaky_split_is_marked(client: TestClient, page: Page, studied: Studied) -> None:
    project, experiment = studied.world.project.id, studied.experiment.id
    altered(studied.world, two_alike)
    marked = (
        "/",
        f"{studied.path}/training?experiment={experiment}",
        f"{studied.path}/evaluation?experiment={experiment}",
    )
    assert all("Leaky split" not in page(path).get_text() for path in marked)
    body = {"name": "Leaky", "seed": 3, "accept_leaks": True}
    split = client.post(f"/api/splits/{project}", json=body).json()
    assert split["leaky"] is True
    configuration = studied.experiment.configuration.model_copy(update={"split_id": split["id"]})
    change = {"configuration": configuration}
    studied.world.workspace.experiments(project).update(experiment, lambda item: item.model_copy(update=change))
    assert all("Leaky split" in page(path).get_text() for path in marked)


def test_folds_are_kept_together(client: TestClient, page: Page, studied: Studied) -> None:
    url = f"{studied.path}/split"
    form = {"train": 80, "val": 0, "test": 20, "strategy": "random", "seed": 1, "folds": 4}
    tree, _ = posted(client, f"{url}/preview", 200, **form)
    assert "The first of 4 splits" in tree.get_text()
    posted(client, url, 200, name="Turn", **form)
    rows = [" ".join(row.get_text(" ").split()) for row in page(url).select("table tbody tr")]
    assert all(any(f"Turn-{fold}" in row and f"fold {fold} of 4" in row for row in rows) for fold in (1, 2, 3, 4))


def test_columns_of_the_table_are_offered(client: TestClient, page: Page, studied: Studied) -> None:
    url = f"{studied.path}/split"
    assert "column" not in [str(item["value"]) for item in page(url).select("#group_by option")]
    altered(studied.world, lambda place, _: {"meta": {"columns": {"plant": f"p{place // 4}"}, "subset": "train"}})
    assert [item.get_text() for item in page(url).select("#column option")] == ["plant"]
    form = {"train": 60, "val": 20, "test": 20, "strategy": "random", "seed": 1, "group_by": "column"}
    tree, _ = posted(client, f"{url}/preview", 200, column="plant", **form)
    assert "5 groups" in tree.get_text()
    refused, _ = posted(client, f"{url}/preview", 422, column="", **form)
    assert "name the column" in refused.select_one("#group_by-problem").get_text()  # type: ignore[union-attr]


def test_folds_stand_in_their_order(client: TestClient, page: Page, studied: Studied) -> None:
    url = f"{studied.path}/split"
    form = {"train": 80, "val": 0, "test": 20, "strategy": "random", "seed": 1, "accept_leaks": "on"}
    for name in ("One", "Two"):
        posted(client, url, 200, name=name, folds=10, **form)
    names = [str(item["title"]) for item in page(url).select("tbody .split-name [title]")]
    assert names[:20] == [f"{name}-{fold}" for name in ("Two", "One") for fold in range(1, 11)]


def test_what_an_imported_split_does_not_use_is_not_kept(client: TestClient, page: Page, studied: Studied) -> None:
    altered(studied.world, lambda place, _: {"meta": {"subset": ("train", "val")[place % 2]}})
    url = f"{studied.path}/split"
    for name in ("train", "seed", "folds"):
        fieldset = page(url).select_one(f"#split-form [name={name}]").find_parent("fieldset")  # type: ignore[union-attr]
        assert fieldset is not None
        assert "imported" in str(fieldset[":disabled"])
    posted(client, f"{url}/preview", 200, strategy="imported")
    posted(client, url, 200, strategy="imported", name="Theirs", accept_leaks="on")
    kept = client.get(f"/api/splits/{studied.world.project.id}/Theirs").json()
    assert (kept["ratios"], kept["seed"]) == (None, None)
    assert kept["counts"] == {"train": 10, "val": 10, "test": 0}


def test_ranges_of_several_numbers_say_which_they_are(client: TestClient, settings: Settings) -> None:
    spec = next(item for item in registry.specs() if item.annotation_kind == "value")
    world = World(settings.workspace, spec.id)
    dataset = world.workspace.dataset(world.project.id)
    targets = [TargetInfo(name="height", unit="m"), TargetInfo(name="tilt", unit="")]
    preview = f"/api/splits/{world.project.id}/preview"

    def rewritten(count: int) -> None:
        note = lambda at: [{"kind": "value", "values": [at, at % 2][:count]}]  # noqa: E731
        records = [
            ImageRecord.model_validate(item.model_dump() | {"annotations": note(at)})
            for at, item in enumerate(dataset.records())
        ]
        legend = Legend(targets=targets[:count])
        report = dataset.head().last_import
        assert report is not None
        dataset.commit(records, legend, reason="measured", report=report, replace=True)

    rewritten(2)
    answer = client.post(preview, json={"strategy": "random"}).json()
    rows = list(answer["subsets"]["train"]["distribution"])
    assert all(re.fullmatch(r"height [\d.]+( to [\d.]+)? m · tilt 0 to 1", row) for row in rows), rows
    rewritten(1)
    rows = list(client.post(preview, json={"strategy": "random"}).json()["subsets"]["train"]["distribution"])
    assert all(re.fullmatch(r"[\d.]+( to [\d.]+)? m", row) for row in rows), rows
