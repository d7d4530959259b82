"""What a training wrote on its way, over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.course import EpochSamples, SkippedImage, StepRow, TelemetryRow
from shared.schemas.evaluation import ImageResult
from shared.schemas.experiment import EpochRow, EpochTimes
from shared.schemas.job import JobError, JobKind
from shared.store.course import Course
from shared.store.lifecycle import EndCancelled, Fail
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]


@pytest.fixture
def experiment_id(client: TestClient, world: World) -> str:
    return world.experiment(batch_size=8).id


@pytest.fixture
def url(world: World, experiment_id: str) -> str:
    return f"/api/training/{world.project.id}/experiments/{experiment_id}"


@pytest.fixture
def course(world: World, experiment_id: str) -> Course:
    return world.workspace.experiments(world.project.id).course(experiment_id)


def sample(world: World) -> ImageResult:
    record = next(iter(world.workspace.dataset(world.project.id).records()))
    return ImageResult(
        image_id=record.id,
        filename=record.filename,
        subset="val",
        width=record.width,
        height=record.height,
        truth=record.annotations,
        prediction={"class_id": 1, "probabilities": [1, 0]},
        correct=True,
        confidence=1,
        error=0,
        true_classes=[1],
        predicted_classes=[1],
    )


def test_before_a_training_there_is_nothing_of_each(client: TestClient, url: str) -> None:
    for name in ("telemetry", "steps", "skipped"):
        assert client.get(f"{url}/{name}").json()["items"] == []
    assert client.get(f"{url}/samples").json() == {"epoch": None, "epochs": [], "items": []}
    assert client.get(f"{url}/log").text == ""


def test_of_an_experiment_that_is_not_there(client: TestClient, url: str, refusal: Refusal) -> None:
    gone = url[:-1] + ("0" if url[-1] != "0" else "1")
    for name in ("telemetry", "steps", "samples", "skipped", "log"):
        refusal(client.get(f"{gone}/{name}"), 404, "experiment_not_found")


def test_metric_rows_carry_what_was_measured(client: TestClient, url: str, course: Course) -> None:
    times = EpochTimes(data=1, forward=2)
    course.append_epoch(
        EpochRow(
            epoch=1, step=3, learning_rate=0.1, metrics={"train_loss": 1}, seconds=4, images_per_second=9, times=times
        )
    )
    [row] = client.get(f"{url}/metrics").json()["items"]
    assert (row["metrics"], row["seconds"], row["images_per_second"]) == ({"train_loss": 1}, 4, 9)
    assert (row["times"]["data"], row["times"]["forward"]) == (1, 2)


def test_losses_on_the_way_from_a_step_on(client: TestClient, url: str, course: Course) -> None:
    course.append_steps([StepRow(step=step, epoch=1, loss=1 / step, learning_rate=0.1) for step in (1, 2, 3)])
    items = client.get(f"{url}/steps", params={"since_step": 2}).json()["items"]
    assert items == [{"step": 3, "epoch": 1, "loss": 1 / 3, "learning_rate": 0.1}]


def test_telemetry_and_skipped_images(client: TestClient, url: str, course: Course) -> None:
    course.append_telemetry(
        TelemetryRow(
            cpu_percent=50,
            run_cpu_percent=150,
            run_memory=9,
            memory_used=10,
            memory_total=20,
            disk_free=5,
            disk_written=1,
        )
    )
    course.append_skipped([SkippedImage(image_id="a", filename="a.jpg", subset="train", reason="Truncated", epoch=1)])
    assert client.get(f"{url}/telemetry").json()["items"][0]["run_memory"] == 9
    assert client.get(f"{url}/skipped").json()["items"][0]["reason"] == "Truncated"


def test_sample_predictions_come_with_shapes_to_draw(
    client: TestClient, url: str, course: Course, world: World, refusal: Refusal
) -> None:
    for epoch in (1, 2):
        course.append_samples(EpochSamples(epoch=epoch, items=[sample(world)]))
    newest = client.get(f"{url}/samples").json()
    assert (newest["epoch"], newest["epochs"]) == (2, [1, 2])
    [item] = newest["items"]
    assert [shape["role"] for shape in item["shapes"]] == ["truth", "correct"]
    assert client.get(f"{url}/samples", params={"epoch": 1}).json()["epoch"] == 1
    refusal(client.get(f"{url}/samples", params={"epoch": 9}), 404, "samples_not_found")


def test_the_log_of_a_resumed_training_begins_before_the_resume(client: TestClient, url: str, world: World) -> None:
    experiment_id = url.rpartition("/")[2]
    store = world.workspace.experiments(world.project.id)
    for resume, words in ((False, "given up"), (False, "first"), (True, "second\nthird")):
        payload = {"project_id": world.project.id, "experiment_id": experiment_id, "resume": resume}
        job = world.claimed(JobKind.TRAINING, payload).job
        store.update(experiment_id, lambda item, of=job.id: item.model_copy(update={"job_id": of}))  # type: ignore[misc]
        world.workspace.jobs.log_path(job.id).write_text(words + "\n")
        world.workspace.jobs.apply(job.id, EndCancelled(job.epoch))
    assert client.get(f"{url}/log").text == "first\nsecond\nthird"
    assert client.get(f"{url}/log", params={"tail": 2}).text == "second\nthird"


@pytest.mark.parametrize("killed", [True, False], ids=["killed by the system", "said by the run"])
def test_out_of_memory_comes_with_an_offer_that_a_configuration_takes(
    client: TestClient, url: str, world: World, killed: bool
) -> None:
    job_id = client.post(f"{url}/train").json()["id"]
    job = world.claim(world.workspace.jobs.get(job_id))
    error: dict[str, Any] = {"code": "out_of_memory", "message": "No memory."}
    if not killed:
        error["offer"] = {"label": "half the batch", "params": {"batch_size": 4}}
    world.workspace.jobs.apply(job.id, Fail(job.epoch, JobError.model_validate(error)))
    told = client.get(url).json()["error"]["offer"]
    assert told["params"]["batch_size"] == 4
    copy = client.post(f"{url}/duplicate").json()
    changed = client.patch(f"{url.rpartition('/')[0]}/{copy['id']}", json={"params": told["params"]})
    assert changed.json()["params"]["batch_size"] == 4
