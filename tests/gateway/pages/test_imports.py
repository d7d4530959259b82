"""The dialog and the preview, as pages."""

from pathlib import Path

from fastapi.testclient import TestClient

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.import_plan import ImportPlan
from shared.schemas.job import Job, JobError, JobKind
from shared.store.lifecycle import Claim, Fail, RequestCancel, Succeed
from tests.gateway.pages.conftest import Page, Studied
from tests.support.generated import World

HTMX = {"HX-Request": "true"}


def path_of(world: World, job: Job) -> str:
    return f"/projects/{world.project.id}/dataset/import/{job.id}"


def planned(world: World) -> ImportPlan:
    """Return the plan of the import that was started last."""
    job = world.workspace.jobs.list()[0]
    return ImportPlan.model_validate(job.payload["plan"])


def test_the_preview_shows_classes_samples_and_problems(page: Page, world: World, previewed: Job) -> None:
    tree = page(path_of(world, previewed))
    plan = tree.find("form", id="plan")
    assert plan is not None
    assert [item["value"] for item in tree.select('input[name^="as-"]')] == ["kind 0", "kind 1"]
    assert len(tree.select("figure img")) == 4
    assert "broken.jpg" in tree.get_text()
    assert "Import 4 images" in tree.get_text()
    for link in tree.select("a[download]"):
        assert "problems" in str(link["href"])


def test_accepting_imports_what_stands_there(client: TestClient, world: World, previewed: Job) -> None:
    data = {"use-0": "on", "as-0": "first", "as-1": "kind 1"}
    answer = client.post(path_of(world, previewed), data=data, headers=HTMX)
    assert f"/projects/{world.project.id}/dataset" in answer.headers["hx-location"]
    assert planned(world).class_map == {"kind 0": "first", "kind 1": None}


def test_a_refused_plan_says_why(client: TestClient, world: World, previewed: Job) -> None:
    assert client.post(path_of(world, previewed), data={"use-0": "on", "use-1": "on"}, headers=HTMX).status_code == 200
    again = client.post(path_of(world, previewed), data={"use-0": "on"}, headers=HTMX)
    assert again.status_code == 422
    assert "An import into this project is running" in again.text


def test_reading_differently_starts_another_preview(client: TestClient, world: World, previewed: Job) -> None:
    data = {"format": "auto", "read.delimiter": ";", "read.columns.values": "a, b", "read.columns.file": ""}
    answer = client.post(f"{path_of(world, previewed)}/again", data=data, headers=HTMX)
    newest = world.workspace.jobs.list()[0]
    assert newest.id in answer.headers["hx-location"]
    assert newest.payload["preview"]
    assert newest.payload["read"]["delimiter"] == ";"
    assert newest.payload["read"]["columns"]["values"] == ["a", "b"]
    refused = client.post(f"{path_of(world, previewed)}/again", data={"read.decimal": "x"}, headers=HTMX)
    assert refused.status_code == 422


def test_the_dataset_page_leads_to_a_preview_that_waits_until_it_is_discarded(
    page: Page, client: TestClient, world: World, previewed: Job
) -> None:
    dataset = f"/projects/{world.project.id}/dataset"
    assert page(dataset).find("a", href=path_of(world, previewed))
    assert client.post(f"{path_of(world, previewed)}/discard", headers=HTMX).status_code == 200
    assert page(dataset).find("a", href=path_of(world, previewed)) is None
    assert "This preview is over" in page(path_of(world, previewed)).get_text()


def test_a_preview_that_runs_failed_or_was_cancelled(page: Page, client: TestClient, studied: Studied) -> None:
    world = studied.world
    payload = {"project_id": world.project.id, "source": {"path": "/"}, "format": "auto", "mode": "append"}
    jobs = world.workspace.jobs
    job = jobs.create(JobKind.IMPORT, world.project.id, "Preview x", {**payload, "preview": True})
    assert page(path_of(world, job)).find(attrs={"data-job-progress": job.id})
    claimed = jobs.apply(job.id, Claim("a worker", 600))
    jobs.apply(job.id, Fail(claimed.epoch, JobError(code="x", message="Not known.", hint="Try this.")))
    failed = page(path_of(world, job))
    assert "Not known." in failed.get_text()
    assert failed.find("details", id="again", open=True)
    other = jobs.create(JobKind.IMPORT, world.project.id, "Preview y", {**payload, "preview": True})
    jobs.apply(other.id, RequestCancel())
    assert "This preview is over" in page(path_of(world, other)).get_text()
    page(path_of(world, other).replace(other.id, "job-00000000"), 404)


def test_the_dialog_starts_a_preview_or_an_import(client: TestClient, world: World, tmp_path: Path) -> None:
    (tmp_path / "data" / "cat").mkdir()
    url = f"/projects/{world.project.id}/dataset/import"
    answer = client.post(url, data={"path": str(tmp_path / "data"), "preview": "yes"}, headers=HTMX)
    job = world.workspace.jobs.list()[0]
    assert job.id in answer.headers["hx-location"]
    assert job.payload["preview"]
    world.workspace.jobs.apply(job.id, RequestCancel())
    client.post(url, data={"path": str(tmp_path / "data")}, headers=HTMX)
    assert not world.workspace.jobs.list()[0].payload["preview"]


def test_a_dataset_is_exported_from_its_page_and_downloaded(page: Page, client: TestClient, world: World) -> None:
    dataset = f"/projects/{world.project.id}/dataset"
    dialog = page(dataset).find("dialog", id="export-dataset")
    assert dialog is not None
    assert "A split" in dialog.get_text()
    chosen = dialog.find("input", attrs={"name": "format"})["value"]
    answer = client.post(f"{dataset}/export", data={"format": chosen, "split": "A split"}, headers=HTMX)
    assert dataset in answer.headers["hx-location"]
    job = world.workspace.jobs.list()[0]
    tree = page(dataset)
    assert tree.find(attrs={"data-job-progress": job.id})
    claimed = world.claim(job)
    result = work(Run(world.workspace, claimed, world.settings))
    world.workspace.jobs.apply(job.id, Succeed(claimed.epoch, result))
    link = page(dataset).find("a", href=f"/api/datasets/{world.project.id}/export/{job.id}/download")
    assert link is not None
    assert client.get(link["href"]).status_code == 200
