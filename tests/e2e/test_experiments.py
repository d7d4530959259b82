"""Many experiments: queued and put in order by hand, found, compared; the form with its presets."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.support.stack import StudioStack


@pytest.fixture(scope="module")
def project(api: Api, shapes: Path) -> str:
    return api.project("Many", shapes)


@pytest.fixture(scope="module")
def trained(api: Api, stack: StudioStack, project: str) -> list[dict[str, Any]]:
    """Three trainings, queued while no worker was there, the last put first, with every ring doubled."""
    stack.end("trainer")
    jobs = [api.post(f"{api.experiment(project, epochs=2, seed=seed)}/train") for seed in (1, 2, 3)]
    api.post(f"/jobs/{jobs[2]['id']}/move", {"before": jobs[0]["id"]}, status=200)
    client = redis.Redis.from_url(stack.redis_url)
    for message in client.lrange("training", 0, -1):
        client.rpush("training", message)
    stack.start("trainer")
    return [api.succeed(job, timeout=300) for job in (jobs[2], jobs[0], jobs[1])]


def test_they_run_in_the_order_of_the_queue_and_each_once(trained: list[dict[str, Any]]) -> None:
    assert [job["started_at"] for job in trained] == sorted(job["started_at"] for job in trained)
    assert [job["attempt"] for job in trained] == [1, 1, 1]


def test_what_was_trained_is_found_and_compared(
    page: Page, trained: list[dict[str, Any]], project: str, tmp_path: Path
) -> None:
    assert len(trained) == 3
    page.goto(f"/projects/{project}/training")
    boxes = page.get_by_role("checkbox", name=re.compile("^Compare "))
    expect(boxes).to_have_count(3)
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.get_by_label("Order").select_option("Best first")
    page.wait_for_url("**sort_by=metric*")
    expect(page.get_by_role("checkbox", name=re.compile("^Compare "), checked=True)).to_have_count(2)
    page.get_by_role("searchbox", name="Search").fill("nothing like it")
    expect(page.get_by_text("No experiment matches.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    for box in (boxes.nth(0), boxes.nth(1)):
        box.check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare?*")
    row = page.get_by_role("row", name=re.compile("^Seed"))
    expect(row.get_by_role("cell")).to_have_count(2)
    page.get_by_text("Time", exact=True).first.click()
    page.get_by_label("Smooth").check()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    saved.value.save_as(tmp_path / "comparison.csv")
    with (tmp_path / "comparison.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2


def test_notes_and_tags_by_hand(page: Page, project: str) -> None:
    page.goto(f"/projects/{project}/training")
    page.get_by_label("More actions for this experiment").click()
    page.get_by_role("button", name="Edit details").first.click()
    dialog = page.get_by_role("dialog", name="Details")
    dialog.get_by_label("Tags").fill("keep, second look")
    dialog.get_by_label("Notes").fill("It forgets stars.")
    dialog.get_by_role("button", name="Save details").click()
    notes = page.get_by_role("region", name="Notes")
    expect(notes.get_by_text("It forgets stars.")).to_be_visible()
    notes.get_by_role("link", name="second look").click()
    expect(page.get_by_role("checkbox", name=re.compile("^Compare "))).to_have_count(1)


def test_presets_resets_and_architectures_change_the_form(page: Page, project: str) -> None:
    page.goto(f"/projects/{project}/training")
    page.get_by_role("button", name="New experiment").first.click()
    form = page.get_by_role("form", name="Configuration")
    epochs = form.get_by_label("Epochs", exact=True)
    usual = epochs.input_value()
    form.get_by_role("button", name="Quick look").click()
    expect(form.get_by_role("button", name="Quick look")).to_have_attribute("aria-pressed", "true")
    assert int(epochs.input_value()) < int(usual)
    form.get_by_role("button", name="Back to the default").first.click()
    expect(epochs).to_have_value(usual)
    form.get_by_label("Batch size", exact=True).fill("10")
    expect(form.get_by_label("Effective batch size")).to_have_text("10 images an update")
    form.get_by_role("radio").last.focus()
    page.keyboard.press("Space")
    expect(form.get_by_role("radio").last).to_be_checked()
    expect(form.get_by_label("Batch size", exact=True)).to_have_value("10"), "what was typed stays"
    form.get_by_role("button", name="Save").click()
    page.reload()
    expect(form.get_by_label("Batch size", exact=True)).to_have_value("10")


def test_the_queue_is_put_in_order_by_hand(page: Page, api: Api, stack: StudioStack, project: str) -> None:
    stack.end("trainer")
    try:
        jobs = [api.post(f"{api.experiment(project, epochs=1)}/train") for _ in range(2)]
        page.goto("/jobs")
        waiting = page.get_by_role("region", name="Waiting for training").get_by_role("listitem")
        expect(waiting).to_have_count(2)
        waiting.nth(1).get_by_role("button", name=re.compile("up$")).click()
        first = api.until(lambda: api.get("/jobs/waiting")["items"][0]["id"], lambda found: found == jobs[1]["id"])
        assert first == jobs[1]["id"]
        for left in (1, 0):
            waiting.nth(0).get_by_role("button", name=re.compile("out of the queue$")).click()
            expect(waiting).to_have_count(left)
    finally:
        stack.start("trainer")
