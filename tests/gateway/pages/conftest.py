"""A project that has been through every step, and pages as trees."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient

from services.importer.run import work
from shared.schemas.evaluation import Aggregate, Evaluation, EvaluationConfig, ImageResult, Results
from shared.schemas.experiment import EpochRow, Experiment, Summary
from shared.schemas.export import Export, ExportResult, Verification
from shared.schemas.job import Job, JobKind
from shared.store.lifecycle import Claim, Succeed
from tests.support.generated import World, shape_image

Page = Callable[..., BeautifulSoup]


@dataclass
class Studied:
    """Ids of what the project has."""

    world: World
    experiment: Experiment
    results: list[ImageResult]

    @property
    def path(self) -> str:
        return f"/projects/{self.world.project.id}"


@pytest.fixture
def page(client: TestClient) -> Page:
    """Fetch a page and parse it."""

    def fetch(path: str, status: int = 200, **headers: str) -> BeautifulSoup:
        answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert answer.status_code == status, answer.text[:2000]
        return BeautifulSoup(answer.text, "html.parser")

    return fetch


def done(world: World, kind: JobKind, payload: dict[str, str]) -> Job:
    job = world.claim(world.workspace.jobs.create(kind, world.project.id, f"A finished {kind}", payload))
    return world.workspace.jobs.apply(job.id, Succeed(job.epoch, None))


@pytest.fixture
def studied(client: TestClient, world: World) -> Studied:
    """A trained, evaluated and exported experiment: every second image is judged wrong."""
    experiment = world.experiment()
    store = world.workspace.experiments(world.project.id)
    job = done(world, JobKind.TRAINING, {"experiment_id": experiment.id})
    for epoch in (1, 2, 3):
        metrics = {"train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "val_accuracy": 0.2 * epoch}
        row = EpochRow(epoch=epoch, step=epoch, seconds=1, learning_rate=0.1, images_per_second=9, metrics=metrics)
        store.course(experiment.id).append_epoch(row)
    store.save_checkpoint(experiment.id, "best", lambda path: _write(path), epoch=3, metric=0.6)
    summary = Summary(epochs_done=3, epochs_total=3, best_epoch=3, best_metric=0.6, device="cpu", seconds=3)
    experiment = store.update(
        experiment.id, lambda item: item.model_copy(update={"job_id": job.id, "summary": summary})
    )
    results = _evaluate(world, experiment)
    _export(world, experiment)
    return Studied(world, experiment, results)


def _write(path: Path) -> None:
    path.write_bytes(b"weights")


def _evaluate(world: World, experiment: Experiment) -> list[ImageResult]:
    job = done(world, JobKind.EVALUATION, {"experiment_id": experiment.id})
    dataset = world.workspace.dataset(world.project.id)
    known = dataset.head().classes
    ids = [item.id for item in known]
    matrix = [[0, 0], [0, 0]]
    results = []
    for number, record in enumerate(dataset.records()):
        truth = record.annotations[0].class_id  # type: ignore[union-attr]
        right = number % 4 < 3
        guess = truth if right else next(item for item in ids if item != truth)
        matrix[ids.index(truth)][ids.index(guess)] += 1
        results.append(
            ImageResult(
                image_id=record.id,
                filename=record.filename,
                subset="test",
                truth=record.annotations,
                prediction={"probabilities": [0.8 if item == guess else 0.2 for item in ids], "class_id": guess},
                correct=right,
                confidence=0.8,
                error=0.2,
                true_classes=[truth],
                predicted_classes=[guess],
            )
        )
    figures = {"precision": 0.5, "recall": None, "f1": 0.75, "support": 10}
    aggregate = Aggregate(
        job_id=job.id,
        image_count=len(results),
        subsets={"test": len(results)},
        metrics={"accuracy": 0.75},
        details={
            "classes": [{"id": item.id, "name": item.name} for item in known],
            "confusion_matrix": matrix,
            "per_class": [{"class_id": item, **figures} for item in ids],
        },
        checkpoint_sha256="0",
    )
    store = world.workspace.evaluation(world.project.id, experiment.id)
    store.start(Evaluation(experiment_id=experiment.id, job_id=job.id, config=EvaluationConfig()))
    store.publish(aggregate, Results(job_id=job.id, items=results))
    return results


def _export(world: World, experiment: Experiment) -> None:
    job = done(world, JobKind.EXPORT, {"experiment_id": experiment.id})
    verification = Verification(
        passed=True,
        image_count=4,
        images="test subset",
        max_difference=1e-6,
        tolerance=1e-4,
        agreement=1,
        runtime="a runtime",
        latency_ms_p50=2.5,
        message="The same answers.",
    )
    result = ExportResult(
        file="model.onnx",
        size=1234,
        sha256="0",
        input_shape=["batch", 3, 64, 64],
        output_shape=["batch", 2],
        metadata={},
        verification=verification,
    )
    world.workspace.exports(world.project.id).save(
        Export(
            id="export-00000001",
            project_id=world.project.id,
            experiment_id=experiment.id,
            job_id=job.id,
            checkpoint="best",
            format="onnx",
            options={},
            result=result,
        )
    )


@pytest.fixture
def previewed(client: TestClient, world: World, tmp_path: Path) -> Job:
    """A preview of four images of two classes and a broken one."""
    for number in range(4):
        place = tmp_path / "data" / "more" / f"kind {number % 2}" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shape_image(number % 2, 100 + number))
    (place.parent / "broken.jpg").write_bytes(b"no picture")
    source = {"path": str(tmp_path / "data" / "more")}
    payload = {"project_id": world.project.id, "source": source, "format": "auto", "mode": "append", "preview": True}
    run = world.claimed(JobKind.IMPORT, payload)
    return world.workspace.jobs.apply(run.job.id, Succeed(run.job.epoch, work(run)))


@pytest.fixture
def running(studied: Studied) -> Job:
    """A second experiment of the project that is being trained."""
    world = studied.world
    experiment = world.experiment()
    job = world.workspace.jobs.create(
        JobKind.TRAINING, world.project.id, "A training", {"experiment_id": experiment.id}
    )
    store = world.workspace.experiments(world.project.id)
    store.update(experiment.id, lambda item: item.model_copy(update={"job_id": job.id}))
    return world.workspace.jobs.apply(job.id, Claim("a worker", 600))
