"""An import with its preview, by keyboard and mouse, and the way back out as an archive."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from shared.taskkit import registry
from tests.support.generated import shape_image
from tests.support.stack import StudioStack

BOXES = next(spec.id for spec in registry.specs() if spec.annotation_kind == "box")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Ten images with a box each, some of which reach out, of three classes, two of which differ in case."""
    root = tmp_path / "boxes"
    for number in range(10):
        line = f"{number % 3} {0.95 if number > 7 else 0.5} 0.5 0.2 0.2\n"
        for folder, suffix, data in (("images", "jpg", shape_image(0, number)), ("labels", "txt", line.encode())):
            place = root / folder / "train" / f"{number}.{suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    (root / "images" / "train" / "broken.jpg").write_bytes(b"no picture")
    (root / "data.yaml").write_text("names: [cat, dog, Cat]\n")
    return Path(shutil.make_archive(str(tmp_path / "boxes"), "zip", root))


@pytest.fixture
def project(stack: StudioStack) -> str:
    body = {"name": "Preview by hand", "task": BOXES}
    return str(stack.client.post("/api/projects", json=body).json()["id"])


def test_preview_change_accept_and_export(page: Page, stack: StudioStack, project: str, archive: Path) -> None:
    page.goto(f"/projects/{project}/dataset")
    page.get_by_role("button", name="Import images").click()
    upload = page.get_by_label("Choose an archive or drop it here")
    upload.set_input_files(archive)
    upload.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    accept = page.get_by_role("button", name="Import 10 images")
    expect(accept).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name="0.jpg")).to_be_visible()
    expect(page.get_by_label("Cat becomes", exact=True)).to_have_value("cat")
    page.get_by_text("Not an image", exact=True).click()
    listed = page.get_by_role("list", name="Not an image")
    expect(listed.get_by_text("images/train/broken.jpg")).to_be_visible()
    page.get_by_label("dog becomes").fill("hound")
    page.get_by_label("Box outside image: what to do").select_option("Leave the object out")
    accept.click()
    expect(page.get_by_text("10 images · 2 classes")).to_be_visible(timeout=60_000)
    summary = stack.client.get(f"/api/datasets/{project}").json()
    assert [(item["name"], item["annotation_count"]) for item in summary["classes"]] == [("cat", 5), ("hound", 3)]
    assert not list(stack.workspace.glob("jobs/*/upload*"))

    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Export dataset").click()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click(timeout=60_000)
    assert downloading.value.suggested_filename.startswith("Preview-by-hand-r1-")


def test_a_preview_that_fails_is_read_differently_or_discarded(page: Page, project: str, tmp_path: Path) -> None:
    (tmp_path / "plain" / "cat").mkdir(parents=True)
    (tmp_path / "plain" / "cat" / "1.jpg").write_bytes(shape_image(0, 1))
    page.goto(f"/projects/{project}/dataset")
    page.get_by_role("button", name="Import images").click()
    page.get_by_role("tab", name="Folder on the server").click()
    page.get_by_label("Path on the server").fill(str(tmp_path / "plain"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/import/job-*")
    first = page.url
    again = page.get_by_role("form", name="Read it differently")
    expect(again).to_be_visible(timeout=60_000)
    again.get_by_label("Layout", exact=True).select_option("COCO")
    again.get_by_role("button", name="Preview again").click()
    page.wait_for_url(lambda url: "/import/job-" in url and url != first)
    expect(page.get_by_text("There is no JSON file")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Discard").click()
    page.wait_for_url("**/dataset")
    expect(page.get_by_text("Bring in your images")).to_be_visible()
