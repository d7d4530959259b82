"""What each page shows of a project that has been through every step."""

import json
import re

from bs4 import BeautifulSoup
from fastapi.testclient import TestClient

from shared.schemas.job import Job
from tests.gateway.pages.conftest import Page, Studied


def text_of(tree: BeautifulSoup, selector: str) -> str:
    found = tree.select_one(selector)
    assert found is not None, selector
    return " ".join(found.get_text(" ").split())


def test_empty_states_say_what_to_do(page: Page, project_id: str) -> None:
    wanted = {
        "dataset": "Bring in your images",
        "split": "First the images, then the split",
        "training": "First the images",
        "evaluation": "Nothing to evaluate yet",
        "export": "Nothing to export yet",
    }
    for step, title in wanted.items():
        tree = page(f"/projects/{project_id}/{step}")
        assert text_of(tree, ".empty h2") == title
        assert tree.select_one(".empty a, .empty button")


def test_the_pipeline_marks_what_is_done(page: Page, studied: Studied, project_id: str) -> None:
    assert len(page(f"{studied.path}/dataset").select("#steps .done")) == 5
    fresh = page(f"/projects/{project_id}/split")
    assert fresh.select("#steps .done") == []
    assert text_of(fresh, "#steps [aria-current=page]") == "2 Split"
    number = fresh.select_one("#steps [aria-current=page] .step-mark")
    assert number["aria-hidden"] == "true", "the name of the link is the name of the step alone"  # type: ignore[index]


def test_a_project_card_tells_what_is_in_it(page: Page, studied: Studied) -> None:
    card = page("/").select_one("article")
    assert card is not None
    assert card["aria-label"] == "Shapes"
    assert [" ".join(item.get_text(" ").split()) for item in card.select(".metric")][:2] == [
        "Images 20",
        "Best accuracy 60.0 %",
    ]


def test_filters_narrow_the_grid_and_stay_in_links(page: Page, studied: Studied) -> None:
    tree = page(f"{studied.path}/dataset?class=class 0&sort_order=desc")
    tiles = tree.select("#images a.thumb")
    assert len(tiles) == 10
    assert all("class=class+0" in tile["href"] and "sort_order=desc" in tile["href"] for tile in tiles)
    assert tree.select_one("#f-class option[selected]")["value"] == "class 0"  # type: ignore[index]
    assert text_of(page(f"{studied.path}/dataset?search=nothing"), "#images h2") == "No image matches"


def test_htmx_gets_only_the_fragment_it_aims_at(page: Page, studied: Studied) -> None:
    path = f"{studied.path}/dataset?class=class 0"
    part = page(path, HX_Request="true", HX_Target="images")
    assert [child.get("id") for child in part.find_all(recursive=False)] == ["images"]
    assert page(path, HX_Request="true", HX_Target="page").html is not None
    restored = page(path, HX_Request="true", HX_Target="images", HX_History_Restore_Request="true")
    assert restored.html is not None


def test_an_image_knows_its_neighbours_in_the_query(page: Page, studied: Studied) -> None:
    first = page(f"{studied.path}/dataset?class=class 1").select_one("#images a.thumb")
    tree = page(first["href"])  # type: ignore[index]
    assert tree.select_one("a[data-key=ArrowLeft]") is None
    following = tree.select_one("a[data-key=ArrowRight]")["href"]  # type: ignore[index]
    assert "class=class+1" in following
    assert page(following).select_one("a[data-key=ArrowLeft]") is not None


def test_a_kept_split_is_locked_and_cannot_be_deleted_while_used(page: Page, studied: Studied) -> None:
    row = page(f"{studied.path}/split").select_one("table tbody tr")
    assert "Locked" in row.get_text()  # type: ignore[union-attr]
    assert row.select_one("button[aria-label='Delete split A split']").has_attr("disabled")  # type: ignore[union-attr]


def test_the_configuration_form_comes_from_the_schema(page: Page, studied: Studied, client: TestClient) -> None:
    made = studied.world.experiment(epochs=7)
    tree = page(f"{studied.path}/training?experiment={made.id}")
    schema = client.get(f"/api/tasks/{studied.world.task}").json()["parameters"]["properties"]
    for name, given in schema.items():
        control = tree.select_one(f"#configuration [name='params.{name}']")
        assert control is not None
        assert text_of(tree, f"label[for='params.{name}']").startswith(given["title"])
        assert "minimum" not in given or float(control["min"]) == given["minimum"]  # type: ignore[arg-type]
        field = control.find_parent(class_="field")
        assert field.has_attr("data-when") == ("when" in given["form"])  # type: ignore[union-attr]
    assert tree.select_one("[name='params.epochs']")["value"] == "7"  # type: ignore[index]
    assert not tree.select_one(".field:has([name='params.epochs']) .changed").has_attr("hidden")  # type: ignore[union-attr]
    assert tree.select_one(".field:has([name='params.seed']) .changed").has_attr("hidden")  # type: ignore[union-attr]


def test_a_locked_configuration_is_read_not_edited(page: Page, studied: Studied) -> None:
    tree = page(f"{studied.path}/training?experiment={studied.experiment.id}")
    assert tree.select_one("#configuration input") is None
    assert "Locked" in text_of(tree, "#configuration")


def test_charts_carry_their_rows(page: Page, studied: Studied) -> None:
    tree = page(f"{studied.path}/training?experiment={studied.experiment.id}")
    spec = json.loads(tree.select_one("#chart-loss").string)  # type: ignore[union-attr,arg-type]
    assert [item["key"] for item in spec["series"]] == ["train_loss", "val_loss"]
    assert [row["epoch"] for row in spec["rows"]] == [1, 2, 3]
    assert (spec["job"], spec["total"]) == (None, 3)


def test_only_a_running_job_carries_live_parts(page: Page, studied: Studied, running: Job) -> None:
    live = page(f"{studied.path}/training?experiment={running.payload['experiment_id']}")
    assert live.select_one(f"[data-job-progress='{running.id}'] [role=progressbar]") is not None
    assert running.id in live.select_one("#run-summary")["hx-trigger"]  # type: ignore[operator,index]
    ended = page(f"{studied.path}/training?experiment={studied.experiment.id}")
    assert ended.select_one("[data-job-progress]") is None
    assert not ended.select_one("#run-summary").has_attr("hx-trigger")  # type: ignore[union-attr]


def test_news_begin_when_the_page_was_made(page: Page, studied: Studied) -> None:
    address = page(f"{studied.path}/training").select_one("meta[name=studio-events]")["content"]  # type: ignore[index]
    assert re.fullmatch(rf"/api/events\?project_id={studied.world.project.id}&after=\d{{13}}", str(address))


def test_a_cell_of_the_confusion_matrix_opens_its_images(page: Page, studied: Studied) -> None:
    tree = page(f"{studied.path}/evaluation")
    cells = tree.select(".heat td a")
    assert sum(int(cell.get_text()) for cell in cells) == len(studied.results)
    for cell in cells:
        opened = page(str(cell["href"]))
        assert len(opened.select("#results a.thumb")) == int(cell.get_text())


def test_wrong_images_are_marked_in_words_too(page: Page, studied: Studied) -> None:
    tiles = page(f"{studied.path}/evaluation?correct=false").select("#results a.thumb")
    assert len(tiles) == sum(not item.correct for item in studied.results)
    assert all(tile["aria-label"].endswith("wrong") and tile.select_one(".verdict") for tile in tiles)


def test_a_result_shows_probabilities_and_shapes(page: Page, studied: Studied) -> None:
    wrong = next(item for item in studied.results if not item.correct)
    path = f"{studied.path}/evaluation/{studied.experiment.id}/images/{wrong.image_id}?correct=false"
    tree = page(path)
    assert [row.get_text(" ").split()[-2:] for row in tree.select(".bars .bar-row")] == [["80.0", "%"], ["20.0", "%"]]
    shapes = json.loads(tree.select_one("#result-shapes").string)["shapes"]  # type: ignore[union-attr,arg-type]
    assert [shape["role"] for shape in shapes] == ["truth", "wrong"]


def test_an_export_shows_its_proof_and_its_file(page: Page, studied: Studied) -> None:
    card = page(f"{studied.path}/export").select_one("article")
    assert "The same answers." in card.get_text()  # type: ignore[union-attr]
    assert card.select_one("a[download]")["href"].endswith("/export-00000001/download")  # type: ignore[union-attr,index]


def test_jobs_can_be_filtered(page: Page, studied: Studied, running: Job) -> None:
    assert len(page("/jobs").select("#jobs tbody tr")) == 4
    assert len(page("/jobs?status=running").select("#jobs tbody tr")) == 1
    assert text_of(page("/jobs?kind=import"), "#jobs h2") == "No jobs"


def test_the_styleguide_is_for_development(page: Page) -> None:
    assert page("/styleguide").select_one("canvas[data-chart]") is not None
