"""Browsing with keyboard and mouse: find images, choose some, change them, and bring the old state back."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from shared.taskkit import registry
from tests.e2e.api import Api

TASK = next(spec.id for spec in registry.specs() if spec.annotation_kind == "label")


def test_images_are_found_relabelled_and_restored(page: Page, api: Api, shapes: Path) -> None:
    project = api.project("Browsing", shapes, task=TASK)
    page.goto(f"/projects/{project}/dataset")
    # News of the import that has just ended show the page anew.
    page.wait_for_timeout(1500)
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.press_sequentially("star_00")
    expect(page).to_have_url(re.compile("search=star_00"))
    page.get_by_label("Class", exact=True).select_option("star")
    page.wait_for_url("**class=star*")
    page.get_by_label("Large").check(force=True)
    page.wait_for_url("**density=large*")
    before = page.get_by_role("link", name=re.compile("star_00")).count()
    assert before > 1

    page.get_by_role("link", name=re.compile("star_00")).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_text("1 image selected")).to_be_visible()
    page.get_by_role("button", name="Relabel").click()
    dialog = page.get_by_role("dialog", name="Relabel the selected images")
    dialog.get_by_label("They show").select_option(index=0)
    dialog.get_by_role("button", name="Relabel 1 image", exact=True).click()
    expect(page.get_by_text("1 image relabelled.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("star_00"))).to_have_count(before - 1)
    assert "search=star_00" in page.url

    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Changes").first.click()
    expect(page.get_by_role("region", name="Relabelled")).to_contain_text("star →")
    page.get_by_role("button", name="Restore").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("restored revision 1")).to_be_visible()
    page.goto(f"/projects/{project}/dataset?class=star&search=star_00")
    expect(page.get_by_role("link", name=re.compile("star_00"))).to_have_count(before)


def test_what_is_ticked_is_what_is_changed(page: Page, api: Api, shapes: Path) -> None:
    project = api.project("Selecting", shapes, task=TASK)
    page.goto(f"/projects/{project}/dataset")
    page.wait_for_timeout(1500)
    whole_page, everything = page.get_by_label("Select page"), page.get_by_label("All 240 of this query")
    images = page.get_by_label(re.compile("^Select .+jpg"))
    ticked = page.locator("[name=image]:checked")
    whole_page.check()
    expect(page.get_by_text("60 images selected")).to_be_visible()
    everything.check()
    expect(page.get_by_text("240 images selected")).to_be_visible()
    images.first.uncheck(force=True)
    expect(page.get_by_text("59 images selected")).to_be_visible()
    expect(everything).not_to_be_checked()
    expect(whole_page).not_to_be_checked()
    images.first.check(force=True)
    expect(whole_page).to_be_checked()

    everything.check()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete the selected images?")
    expect(dialog.get_by_role("button", name="Delete 240 images")).to_be_visible()
    dialog.get_by_role("button", name="Keep").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("selected", exact=False).filter(visible=True)).to_have_count(0)
    expect(ticked).to_have_count(0)
    expect(everything).not_to_be_checked()
    expect(whole_page).not_to_be_checked()
    images.nth(4).check()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete 1 image", exact=True).click()
    expect(page.get_by_text("1 image deleted")).to_be_visible()
    expect(page.get_by_text("of 239")).to_be_visible()


def test_a_leak_is_accepted_for_one_split_only(page: Page, api: Api, shapes: Path) -> None:
    project = api.project("Leaking", shapes, task=TASK, strategy="random")
    page.goto(f"/projects/{project}/split")
    page.wait_for_timeout(1500)
    page.get_by_label("Random").check(force=True)
    dialog = page.get_by_role("dialog", name="Keep this split")
    for _ in range(2):
        page.get_by_role("button", name="Keep this split").click()
        expect(dialog.get_by_label("Name")).to_have_value("")
        expect(dialog.get_by_role("checkbox")).to_have_count(0)
        dialog.get_by_label("Name").fill("leaky")
        dialog.get_by_role("button", name="Keep split").click()
        dialog.get_by_label("Keep it all the same").check()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep this split").click()
    dialog.get_by_label("Name").fill("leaky")
    dialog.get_by_role("button", name="Keep split").click()
    dialog.get_by_label("Keep it all the same").check()
    dialog.get_by_role("button", name="Keep split").click()
    expect(page.get_by_role("row").filter(has_text="leaky")).to_contain_text("Leaky split")


def test_classes_are_merged_into_one_of_the_others(page: Page, api: Api, shapes: Path) -> None:
    project = api.project("Merging", shapes, task=TASK)
    page.goto(f"/projects/{project}/dataset")
    page.wait_for_timeout(1500)
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Merge classes").click()
    dialog = page.get_by_role("dialog", name="Merge classes")
    merge = dialog.get_by_role("button", name="Merge")
    expect(merge).to_be_disabled()
    dialog.get_by_label(re.compile("^star")).check()
    dialog.get_by_label("become").select_option("square")
    expect(dialog.get_by_label(re.compile("^square"))).to_be_disabled()
    merge.click()
    expect(page.get_by_text("The classes are merged.")).to_be_visible()
    expect(page.get_by_text("240 images · 3 classes")).to_be_visible()


def test_the_grid_is_walked_and_ranges_are_selected_by_keys(page: Page, api: Api, shapes: Path) -> None:
    project = api.project("Keys", shapes, task=TASK)
    page.goto(f"/projects/{project}/dataset")
    page.wait_for_timeout(1500)
    thumbs = page.get_by_label("Selected images").get_by_role("listitem").get_by_role("link")
    press = page.keyboard.press
    press("ArrowRight")
    expect(thumbs.first).to_be_focused()
    press("End")
    expect(thumbs.last).to_be_focused()
    press("PageUp")
    expect(thumbs.last).not_to_be_focused()
    press("Home")
    expect(thumbs.first).to_be_focused()
    press("Space")
    for _ in range(3):
        press("ArrowRight")
    press("Shift+Space")
    expect(page.get_by_text("4 images selected")).to_be_visible()
    press("a")
    expect(page.get_by_text("60 images selected")).to_be_visible()
    press("Escape")
    thumbs.nth(2).click(modifiers=["Shift"])
    thumbs.nth(6).click(modifiers=["Shift"])
    expect(page.get_by_text("5 images selected")).to_be_visible()
    assert page.url.endswith("/dataset")
