"""Evaluations: one an experiment."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from services.gateway.actions import datasets, experiments, jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound, invalid_field
from shared.schemas.base import Subset, new_id
from shared.schemas.dataset import ImageRecord, Legend
from shared.schemas.evaluation import Aggregate, Evaluation, EvaluationConfig, ImageResult
from shared.schemas.experiment import CheckpointInfo, ExperimentStatus
from shared.schemas.job import Job, JobKind
from shared.store.evaluations import EvaluationStore
from shared.store.paths import missing
from shared.taskkit import registry
from shared.taskkit.parameters import validated
from shared.taskkit.shapes import Shape
from shared.taskkit.spec import TaskSpec


class EvaluationBody(EvaluationConfig):
    """What to evaluate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"checkpoint": "best", "subsets": ["test"]}]})


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """An evaluation, its status, and its totals once it is complete."""

    evaluation: Evaluation
    status: str
    job: Job | None
    aggregate: Aggregate | None
    split_leaky: bool
    """Whether images that are alike stand on different sides of the split, so that metrics are too good."""

    def body(self) -> dict[str, Any]:
        """Return the evaluation as the API shows it."""
        return {
            **self.evaluation.model_dump(mode="json", exclude={"schema_version"}),
            "status": self.status,
            **jobs.told(self.job),
            "aggregate": self.aggregate.model_dump(mode="json") if self.aggregate else None,
            "split_leaky": self.split_leaky,
        }


@dataclass(frozen=True, slots=True)
class ResultFilters:
    """Which results, in which order. Class names, not ids; None means any."""

    subset: Subset | None = None
    correct: bool | None = None
    class_name: str | None = None
    predicted: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    sort_by: Literal["filename", "confidence", "error"] = "filename"
    sort_order: Literal["asc", "desc"] = "asc"


@dataclass(frozen=True, slots=True)
class ResultDetail:
    """One result with its image and its neighbours in the same filters."""

    result: ImageResult
    record: ImageRecord
    truth: list[Shape]
    prediction: list[Shape]
    previous: str | None
    next: str | None


def start(studio: Studio, project_id: str, experiment_id: str, body: EvaluationConfig, key: str | None = None) -> Job:
    """Start the evaluation of a completed experiment; an older evaluation is replaced.

    Raises:
        Conflict: the experiment is not complete, or an evaluation of it waits or runs.
        Invalid: the checkpoint does not exist, the subsets are empty, or an option cannot be used.
    """
    view = experiments.view(studio, project_id, experiment_id)
    job_id = new_id("job")
    options = validated(_spec(studio, project_id).evaluation_options, body.options, "options")
    config = EvaluationConfig.model_validate({**body.model_dump(), "options": options.model_dump(mode="json")})
    evaluation = Evaluation(experiment_id=experiment_id, job_id=job_id, config=config)
    payload = {"experiment_id": experiment_id}
    title = f"Evaluate {view.experiment.name} on {', '.join(body.subsets)}"
    with jobs.starting:
        if (earlier := jobs.repeated(studio, JobKind.EVALUATION, project_id, key, **payload)) is not None:
            return earlier
        _refuse_unless_evaluable(studio, view, body)
        _store(studio, project_id, experiment_id).start(evaluation)
        return jobs.start(studio, JobKind.EVALUATION, project_id, title, payload, key=key, job_id=job_id)


def get(studio: Studio, project_id: str, experiment_id: str) -> EvaluationView:
    """Return an experiment's evaluation or raise `NotFound`."""
    leaky = experiments.view(studio, project_id, experiment_id).leaky
    store = _store(studio, project_id, experiment_id)
    evaluation = store.get()
    job = jobs.find(studio, evaluation.job_id)
    status = jobs.outcome(job)
    return EvaluationView(
        evaluation=evaluation,
        status=status,
        job=jobs.with_progress(studio, job) if job else None,
        aggregate=store.aggregate() if status == "completed" else None,
        split_leaky=leaky,
    )


def find(studio: Studio, project_id: str, experiment_id: str) -> EvaluationView | None:
    """Return an experiment's evaluation, or None."""
    try:
        return get(studio, project_id, experiment_id)
    except NotFound:
        return None


def delete(studio: Studio, project_id: str, experiment_id: str) -> None:
    """Remove an evaluation at once; a run of it is cancelled."""
    found = get(studio, project_id, experiment_id)
    jobs.cancel_if_unfinished(studio, found.evaluation.job_id)
    _store(studio, project_id, experiment_id).delete()


def checkpoints(studio: Studio, project_id: str, experiment_id: str) -> list[CheckpointInfo]:
    """Return the checkpoints that exist."""
    return experiments.view(studio, project_id, experiment_id).checkpoints


def results(studio: Studio, project_id: str, experiment_id: str, filters: ResultFilters) -> list[ImageResult]:
    """Return the per-image results that match, in order.

    Raises:
        NotFound: there is no finished evaluation, or no such class.
    """
    found = get(studio, project_id, experiment_id)
    if found.aggregate is None:
        raise NotFound("results_not_found", f"The evaluation is {found.status}; there are no results.")
    names = {item.name: item.id for item in legend(studio, project_id, experiment_id).classes}
    true_class = _class_id(names, filters.class_name)
    predicted = _class_id(names, filters.predicted)
    chosen = [
        item
        for item in _items(_store(studio, project_id, experiment_id))
        if (filters.subset is None or item.subset == filters.subset)
        and (filters.correct is None or item.correct is filters.correct)
        and (true_class is None or true_class in item.true_classes)
        and (predicted is None or predicted in item.predicted_classes)
        and (filters.min_confidence is None or (item.confidence or 0) >= filters.min_confidence)
        and (filters.max_confidence is None or (item.confidence or 0) <= filters.max_confidence)
    ]
    return sorted(
        chosen,
        key=lambda item: (
            (getattr(item, filters.sort_by) or 0, item.filename)
            if filters.sort_by != "filename"
            else (0, item.filename)
        ),
        reverse=filters.sort_order == "desc",
    )


def result(studio: Studio, project_id: str, experiment_id: str, image_id: str, filters: ResultFilters) -> ResultDetail:
    """Return one result with shapes of truth and prediction, and its neighbours in the filters.

    Raises:
        NotFound: there is no such result.
    """
    every = {item.image_id: item for item in results(studio, project_id, experiment_id, ResultFilters())}
    if (found := every.get(image_id)) is None:
        raise missing("result", image_id)
    ids = [item.image_id for item in results(studio, project_id, experiment_id, filters)]
    place = ids.index(image_id) if image_id in ids else None
    task = studio.workspace.projects.get(project_id).task
    shapes = result_shapes(task, found, legend(studio, project_id, experiment_id))
    return ResultDetail(
        result=found,
        record=datasets.record(studio, project_id, image_id),
        truth=[shape for shape in shapes if shape.is_truth],
        prediction=[shape for shape in shapes if not shape.is_truth],
        previous=ids[place - 1] if place else None,
        next=ids[place + 1] if place is not None and place + 1 < len(ids) else None,
    )


def result_shapes(task: str, found: ImageResult, known: Legend) -> list[Shape]:
    """Return what truth and prediction of a result look like."""
    overlay = registry.part(task, "overlay")
    shapes: list[Shape] = overlay.result_shapes(found, known) if overlay else []
    return shapes


def legend(studio: Studio, project_id: str, experiment_id: str) -> Legend:
    """Return the legend of the dataset revision the experiment saw; later ones may mean other things by an id."""
    configuration = experiments.view(studio, project_id, experiment_id).experiment.configuration
    try:
        return datasets.legend(studio, project_id, configuration.dataset_revision)
    except NotFound:  # the dataset was cleared; what the evaluation found stays readable
        return Legend()


def _refuse_unless_evaluable(studio: Studio, view: experiments.ExperimentView, body: EvaluationConfig) -> None:
    experiment = view.experiment
    if view.status is not ExperimentStatus.COMPLETED:
        raise Conflict(
            "experiment_is_unfinished",
            f"Only a completed experiment can be evaluated; this one is {view.status}.",
            hint="Train it to its end, or resume it if it was stopped.",
        )
    experiments.refuse_while_busy(studio, experiment.project_id, experiment.id)
    known = [info.name for info in view.checkpoints]
    if body.checkpoint not in known:
        raise invalid_field(
            "checkpoint", f"{body.checkpoint[:40]!r} does not exist; there is {' and '.join(known) or 'none'}"
        )
    split = studio.workspace.splits(experiment.project_id).get(experiment.configuration.split_id)
    if not any(split.counts[subset] for subset in body.subsets):
        raise invalid_field("subsets", f"{', '.join(body.subsets)} of split {split.name!r} has no images")


def _spec(studio: Studio, project_id: str) -> TaskSpec:
    return registry.spec(studio.workspace.projects.get(project_id).task)


def _store(studio: Studio, project_id: str, experiment_id: str) -> EvaluationStore:
    return studio.workspace.evaluation(project_id, experiment_id)


def _items(store: EvaluationStore) -> list[ImageResult]:
    path = store.results_path
    return _read_results(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_results(path: Path, _changed: int) -> list[ImageResult]:
    found = EvaluationStore(path.parent).results()
    return found.items if found else []


def _class_id(names: dict[str, int], name: str | None) -> int | None:
    if name is None:
        return None
    if name not in names:
        raise invalid_field("class", f"the dataset has no class {name[:60]!r}", code="class_not_found")
    return names[name]
