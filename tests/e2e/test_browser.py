"""What a person does, in a real browser, by role and label: from an empty studio to a downloaded model."""

import re
import shutil
from pathlib import Path

import onnxruntime
import psutil
from playwright.sync_api import Page, Route, expect

from tests.e2e.test_api_walk import predicted_class
from tests.support.stack import StudioStack


def create_project(page: Page, name: str) -> str:
    """Create a project in the dialog; return its path."""
    page.goto("/")
    page.get_by_role("button", name="New project").first.click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/dataset")
    return page.url.removesuffix("/dataset")


def import_folder(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Import images").click()
    page.get_by_role("tab", name="Folder on the server").click()
    page.get_by_label("Path on the server").fill(str(folder))
    page.get_by_role("button", name="Preview", exact=True).click()


def accept_preview(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Import [0-9,]+ image")).click(timeout=60_000)


def keep_split(page: Page, name: str) -> None:
    page.get_by_role("button", name="Keep this split").click()
    dialog = page.get_by_role("dialog", name="Keep this split")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Keep split").click()
    asked, row = dialog.get_by_label("Keep it all the same"), page.get_by_role("row").filter(has_text=name)
    expect(asked.or_(row)).to_be_visible()
    if asked.is_visible():
        asked.check()
        dialog.get_by_role("button", name="Keep split").click()
    expect(row).to_be_visible()


def start_training(page: Page, epochs: int, image_size: int) -> None:
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("button", name="New experiment").first.click()
    page.get_by_role("spinbutton", name="Epochs", exact=True).fill(str(epochs))
    page.get_by_role("spinbutton", name="Image size").fill(str(image_size))
    page.get_by_role("button", name="Start training").click()


def points(page: Page) -> int:
    """Return how many epochs the loss curve shows."""
    return int(page.get_by_label("Loss over epochs").get_attribute("data-points") or 0)


def test_from_a_folder_to_a_download(page: Page, stack: StudioStack, shapes: Path, tmp_path: Path) -> None:
    project = create_project(page, "Shapes by hand")
    import_folder(page, Path("/nowhere/at/all"))
    expect(page.get_by_text("does not exist")).to_be_visible()
    assert page.get_by_label("Path on the server").input_value() == "/nowhere/at/all", "what was typed stays"
    page.keyboard.press("Escape")
    import_folder(page, shapes)
    accept_preview(page)
    expect(page.get_by_text("240 images · 4 classes")).to_be_visible(timeout=60_000)

    again = shutil.make_archive(str(tmp_path / "again"), "zip", shapes.parent, shapes.name)
    page.get_by_role("button", name="Import", exact=True).first.click()
    page.get_by_label("Choose an archive or drop it here").set_input_files(again)
    page.get_by_role("button", name="Import without preview").click()
    expect(page.get_by_text("Known already")).to_be_visible(timeout=60_000)

    page.get_by_label("Class", exact=True).select_option("star")
    page.wait_for_url("**class=star*")
    expect(page.get_by_text("1–60 of 60")).to_be_visible()
    page.get_by_role("link", name=re.compile("star_")).first.click()
    page.wait_for_url("**/images/*")
    first = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != first)
    page.go_back()

    page.goto(f"{project}/split")
    expect(page.get_by_text("192").first).to_be_visible()
    keep_split(page, "80-10-10")

    start_training(page, epochs=6, image_size=64)
    chart = page.get_by_label("Loss over epochs")
    expect(chart).to_have_attribute("data-points", re.compile("[1-9]"), timeout=120_000)
    grown = points(page)
    expect(page.get_by_label("Run").get_by_text("Completed")).to_be_visible(timeout=180_000)
    assert points(page) == 6 >= grown, "the curve grew without reloading"

    page.get_by_role("link", name="Evaluate", exact=True).click()
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.get_by_role("heading", name="Confusion matrix")).to_be_visible(timeout=90_000)
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("link", name="Download").first).to_be_visible(timeout=120_000)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").first.click()
    model = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(model)
    check_model(stack, project.rsplit("/", 1)[1], model)


def check_model(stack: StudioStack, project: str, model: Path) -> None:
    """Check that the downloaded file says of an image what the evaluation said."""
    experiment = stack.client.get(f"/api/training/{project}/experiments").json()["items"][0]["id"]
    result = stack.client.get(f"/api/evaluation/{project}/{experiment}/results?page_size=1").json()["items"][0]
    data = stack.client.get(f"/api/datasets/{project}/images/{result['image_id']}/file").content
    session = onnxruntime.InferenceSession(model)
    assert predicted_class(session, data) == result["prediction"]["class_id"]


def test_stop_resume_and_a_kill_on_the_page(page: Page, shapes: Path) -> None:
    project = create_project(page, "Stop and go")
    import_folder(page, shapes)
    accept_preview(page)
    expect(page.get_by_text("240 images · 4 classes")).to_be_visible(timeout=60_000)
    page.goto(f"{project}/split")
    keep_split(page, "main")
    start_training(page, epochs=12, image_size=64)
    chart = page.get_by_label("Loss over epochs")
    expect(chart).to_have_attribute("data-points", re.compile("[1-9]"), timeout=120_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Resume").click(timeout=60_000)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=60_000)
    stopped_at = points(page)
    expect(chart).not_to_have_attribute("data-points", str(stopped_at), timeout=120_000)
    for process in psutil.process_iter(["cmdline"]):
        if "services.trainer.run" in (process.info["cmdline"] or []):
            process.kill()
    expect(page.get_by_label("Run").get_by_text("Completed")).to_be_visible(timeout=240_000)
    assert points(page) == 12

    page.goto("/jobs")
    row = page.get_by_role("row").filter(has_text="Train").first
    expect(row).to_contain_text("Succeeded")


def test_a_wrong_image_is_one_click_away(page: Page, clothing: Path) -> None:
    project = create_project(page, "Clothes by hand")
    import_folder(page, clothing)
    accept_preview(page)
    expect(page.get_by_text("540 images · 10 classes")).to_be_visible(timeout=60_000)
    page.goto(f"{project}/split")
    page.get_by_label("As imported").check()
    expect(page.get_by_text("320").first).to_be_visible()
    keep_split(page, "own folders")
    start_training(page, epochs=3, image_size=96)
    expect(page.get_by_label("Run").get_by_text("Completed")).to_be_visible(timeout=240_000)
    page.get_by_role("link", name="Evaluate", exact=True).click()
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.get_by_role("heading", name="Confusion matrix")).to_be_visible(timeout=90_000)
    page.get_by_label("Wrong", exact=True).check()
    page.wait_for_url("**correct=false*")
    page.get_by_role("list", name="Results").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Probabilities")).to_be_visible()


def test_a_form_sent_before_the_scripts_are_there_is_not_lost(page: Page) -> None:
    held: list[Route] = []
    page.route("**/htmx.min.js*", lambda route: held.append(route))
    page.goto("/?new=true", wait_until="commit")
    form = page.locator("form[hx-post='/projects']")
    form.wait_for(state="attached")
    form.evaluate("form => { form.elements.name.value = 'In a hurry'; form.requestSubmit(); }")
    held[0].continue_()
    expect(page).to_have_url(re.compile("/projects/project-[0-9a-f]{8}/dataset"))
