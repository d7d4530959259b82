"""The pipeline of augmentations: built, moved and looked at in a real browser, answered by the real previewer."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from shared.taskkit import registry
from tests.e2e.api import Api
from tests.support.stack import StudioStack

TASK = next(spec for spec in registry.specs() if spec.annotation_kind == "label")
LABELS = {transform.name: transform.label for transform in TASK.transforms}
USUAL = [LABELS[step.name] for step in TASK.augmentations]
_FIRST_MS = 60_000


def steps(page: Page) -> list[str]:
    rows = page.get_by_role("list", name="Steps").get_by_role("listitem")
    return [str(row.get_by_role("switch").evaluate("item => item.labels[0].textContent")).strip() for row in rows.all()]


def preview(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile(r"\.(jpg|png)$")).first


def results(page: Page) -> list[str | None]:
    return [image.get_attribute("src") for image in preview(page).get_by_role("img").all()]


def opened(page: Page, api: Api, shapes: Path, name: str) -> str:
    project = api.project(name, shapes, task=TASK.id)
    page.goto(f"/projects/{project}/training")
    page.get_by_role("button", name="New experiment").first.click()
    expect(page.get_by_role("form", name="Configuration")).to_be_visible()
    page.get_by_role("button", name="Add step").scroll_into_view_if_needed()
    preview(page).scroll_into_view_if_needed(timeout=_FIRST_MS)
    assert steps(page) == USUAL
    return project


def test_a_pipeline_is_built_seen_and_kept(page: Page, api: Api, shapes: Path) -> None:
    opened(page, api, shapes, "Augmenting")
    before = results(page)
    assert len(before) == 3
    changed = page.get_by_role("group", name=re.compile("^Augmentation")).get_by_title("Differs from the default")
    expect(changed.first).to_be_hidden()

    page.get_by_label("Transform to add").select_option(label="Solarize")
    page.get_by_role("button", name="Add step").click()
    row = page.get_by_role("listitem").filter(has_text="Solarize")
    expect(row).to_be_visible()
    expect(changed.first).to_be_visible()
    row.get_by_role("spinbutton", name="Probability").fill("1")
    expect(preview(page).get_by_role("img").nth(1)).not_to_have_attribute("src", str(before[1]))
    expect(preview(page).get_by_role("img").first).to_have_attribute("src", str(before[0]))

    up = page.get_by_role("button", name="Move Solarize up")
    up.focus()
    for _ in USUAL:
        page.keyboard.press("Enter")
    wanted = ["Solarize", *USUAL]
    assert steps(page) == wanted
    expect(up).to_be_disabled()
    expect(page.get_by_role("button", name="Move Solarize down")).to_be_focused()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The configuration is saved.")).to_be_visible()
    page.reload()
    assert steps(page) == wanted
    expect(
        page.get_by_role("listitem").filter(has_text="Solarize").get_by_role("spinbutton", name="Probability")
    ).to_have_value("1")

    page.get_by_role("button", name="Reset steps").click()
    expect(page.get_by_role("listitem").filter(has_text="Solarize")).to_have_count(0)
    assert steps(page) == USUAL


def test_steps_are_dragged_and_removed(page: Page, api: Api, shapes: Path) -> None:
    opened(page, api, shapes, "Dragging")
    page.set_viewport_size({"width": 1440, "height": 2400})
    rows = page.get_by_role("list", name="Steps").get_by_role("listitem")
    grip = rows.nth(2).get_by_title("Drag to another place").bounding_box()
    first = rows.nth(0).bounding_box()
    assert grip is not None
    assert first is not None
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(first["x"] + 40, first["y"] + 4, steps=20)
    page.mouse.up()
    wanted = [USUAL[2], *USUAL[:2]]
    assert steps(page) == wanted
    page.get_by_role("button", name=f"Remove {USUAL[0]}").click()
    wanted.remove(USUAL[0])
    assert steps(page) == wanted
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The configuration is saved.")).to_be_visible()
    page.reload()
    assert steps(page) == wanted


def test_what_cannot_be_is_told_where_it_stands(page: Page, api: Api, shapes: Path) -> None:
    opened(page, api, shapes, "Refusing")
    before = results(page)
    page.get_by_role("button", name="Another draw").click()
    expect(preview(page).get_by_role("img").nth(1)).not_to_have_attribute("src", str(before[1]))
    page.get_by_label("Transform to add").select_option(label="Random erasing")
    page.get_by_role("button", name="Add step").click()
    page.get_by_role("button", name="Move Random erasing up").click()
    reason = "Random erasing works on the normalised input and has to stand last"
    expect(page.get_by_text(reason)).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("list", name="Steps").get_by_text(reason)).to_be_visible()
    assert steps(page)[-2] == "Random erasing"
    page.get_by_role("button", name="Move Random erasing down").click()
    expect(preview(page).get_by_role("img")).to_have_count(3)


def test_without_a_previewer_the_rest_of_the_form_works(page: Page, api: Api, shapes: Path, stack: StudioStack) -> None:
    stack.end("previewer")
    try:
        project = api.project("Blind", shapes, task=TASK.id)
        page.goto(f"/projects/{project}/training")
        page.get_by_role("button", name="New experiment").first.click()
        page.get_by_role("button", name="Add step").scroll_into_view_if_needed()
        expect(page.get_by_text("No preview worker is running.")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The configuration is saved.")).to_be_visible()
    finally:
        stack.start("previewer")
        stack.wait_until_ready()
