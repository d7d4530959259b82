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
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Relabel").click()
    dialog = page.get_by_role("dialog", name="Relabel the selected images")
    dialog.get_by_label("They show").select_option(index=0)
    dialog.get_by_role("button", name="Relabel").click()
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
