"""Experiments: configured, trained, watched."""

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse

from services.gateway.actions import course, experiment_list, experiments, splits, system, training
from services.gateway.actions.configuration import ExperimentBody
from services.gateway.actions.experiment_list import ExperimentQuery, SortBy, SortOrder
from services.gateway.actions.experiments import ExperimentView
from services.gateway.pages import experiment_choices, experiment_form
from services.gateway.pages.augmentation_form import Pipeline
from services.gateway.pages.curves import Best, Chart, best, charts
from services.gateway.pages.experiment_choices import Choices, choices
from services.gateway.pages.experiment_form import body_of
from services.gateway.pages.experiment_list import PAGE_SIZE, ListPart, list_part
from services.gateway.pages.forms import Form, Typed, TypedDep
from services.gateway.pages.rendering import View, go_to, link, show, show_block
from services.gateway.pages.schema_form import Group
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.experiment import EpochRow, ExperimentStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import Architecture, TaskSpec

router = APIRouter(prefix="/projects/{project_id}/training", include_in_schema=False)
_LOG_LINES = 400


@dataclass(frozen=True)
class Wanted:
    """Which experiments the list shows, and which of them are ticked."""

    query: ExperimentQuery = field(default_factory=ExperimentQuery)
    page: int = 1
    ids: tuple[str, ...] = ()


def _wanted(
    search: str = "",
    status: ExperimentStatus | None = None,
    tag: str = "",
    sort_by: SortBy = "created_at",
    sort_order: SortOrder | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ids: Annotated[list[str], Query()] = [],  # noqa: B006
) -> Wanted:
    return Wanted(ExperimentQuery(search, status, tag, sort_by, sort_order), page, tuple(ids))


WantedDep = Annotated[Wanted, Depends(_wanted)]


@dataclass(frozen=True)
class Parent:
    """What the weights of an experiment came from; `url` where it is an experiment."""

    text: str
    url: str


@dataclass(frozen=True, kw_only=True)
class TrainingView(View):
    """All experiments, and one of them in full."""

    template: ClassVar[str] = "pages/training.html"
    fragments: ClassVar[dict[str, str]] = {"experiments": "experiments"}

    project: Project
    path: str
    spec: TaskSpec
    has_dataset: bool
    parent: Parent | None
    split_names: list[str]
    runs: ListPart
    selected: ExperimentView | None
    selected_url: str
    locked: bool
    form: Form
    groups: list[Group]
    architecture: Architecture | None
    pipeline: Pipeline
    choices: Choices
    devices: list[dict[str, str]]
    charts: list[Chart]
    latest: EpochRow | None
    best: Best | None
    log: str


@router.get("")
def read(
    request: Request,
    studio: StudioDep,
    project_id: str,
    wanted: WantedDep,
    experiment: str = "",
) -> Response:
    """Show the experiments that match; the first is chosen unless the address names one."""
    return show(request, _view(studio, project_id, experiment, None, wanted))


@router.post("")
def create(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Make a new experiment with the task's defaults."""
    made = experiments.create(studio, project_id, ExperimentBody())
    return _to(request, project_id, made.experiment.id)


@router.post("/{experiment_id}/save")
def save(request: Request, studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Keep the configuration."""
    try:
        _save(studio, project_id, experiment_id, typed)
    except StudioError as error:
        return _form_again(studio, project_id, experiment_id, typed, error)
    return _to(request, project_id, experiment_id, "The configuration is saved.")


@router.post("/{experiment_id}/start")
def start(request: Request, studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Keep the configuration and train with it."""
    try:
        _save(studio, project_id, experiment_id, typed)
        training.train(studio, project_id, experiment_id)
    except StudioError as error:
        return _form_again(studio, project_id, experiment_id, typed, error)
    return _to(request, project_id, experiment_id)


@router.post("/{experiment_id}/form")
def redraw(studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Draw the form anew after another architecture or a preset was chosen; nothing is stored."""
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    view = _view(studio, project_id, experiment_id, experiment_choices.redrawn(spec, typed))
    return show_block(view, "configuration", template="pages/training_form.html")


@router.post("/{experiment_id}/effective")
def effective(studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Say how many images an update sees with what is typed."""
    experiments.view(studio, project_id, experiment_id)
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    return PlainTextResponse(experiment_choices.typed_effective(spec, typed))


@router.post("/{experiment_id}/details")
def details(request: Request, studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Name and describe an experiment, also one that is locked."""
    experiments.edit(studio, project_id, experiment_id, experiment_form.named(typed))
    return _to(request, project_id, experiment_id, "The details are saved.")


@router.post("/{experiment_id}/stop")
def stop(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """End the training after the current batch."""
    training.stop(studio, project_id, experiment_id)
    return _to(request, project_id, experiment_id, "Stopping after the current batch; best and last are kept.")


@router.post("/{experiment_id}/resume")
def resume(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Go on from the last checkpoint."""
    training.resume(studio, project_id, experiment_id)
    return _to(request, project_id, experiment_id)


@router.post("/{experiment_id}/retry")
def retry(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Train again what has failed."""
    training.retry(studio, project_id, experiment_id)
    return _to(request, project_id, experiment_id)


@router.post("/{experiment_id}/offer")
def accept_offer(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Make a copy with what the failure offers."""
    made = experiments.accept_offer(studio, project_id, experiment_id)
    return _to(request, project_id, made.experiment.id, "Duplicated with the change; start it when you like.")


@router.post("/{experiment_id}/restart")
def restart(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Drop the results and unlock the configuration."""
    training.restart(studio, project_id, experiment_id)
    return _to(request, project_id, experiment_id, "The results are dropped; the configuration is open again.")


@router.post("/{experiment_id}/duplicate")
def duplicate(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Make a new experiment with the same configuration."""
    made = experiments.duplicate(studio, project_id, experiment_id)
    return _to(request, project_id, made.experiment.id, "Duplicated.")


@router.post("/{experiment_id}/delete")
def delete(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Remove an experiment with all it has."""
    experiments.delete(studio, project_id, experiment_id)
    told = {"kind": "ok", "message": "The experiment is deleted."}
    return go_to(request, project_path(project_id, "training"), toast=told)


def _save(studio: Studio, project_id: str, experiment_id: str, typed: Typed) -> None:
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    experiments.edit(studio, project_id, experiment_id, body_of(spec, typed))


def _to(request: Request, project_id: str, experiment_id: str, message: str = "") -> Response:
    told = {"kind": "ok", "message": message} if message else None
    return go_to(request, link(project_path(project_id, "training"), experiment=experiment_id), toast=told)


def _form_again(studio: Studio, project_id: str, experiment_id: str, typed: Typed, error: StudioError) -> Response:
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    view = _view(studio, project_id, experiment_id, experiment_form.placed(spec, typed, error))
    return show_block(view, "configuration", 422, template="pages/training_form.html")


def _view(
    studio: Studio, project_id: str, experiment_id: str, form: Form | None, wanted: Wanted | None = None
) -> TrainingView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Training", project=project, step="training")
    spec = registry.spec(project.task)
    path = project_path(project_id, "training")
    wanted = wanted or Wanted()
    found = experiment_list.find(studio, project_id, wanted.query, wanted.page, PAGE_SIZE)
    if experiment_id:
        selected: ExperimentView | None = experiments.view(studio, project_id, experiment_id)
    else:
        selected = found.items[0] if found.items else experiments.newest(studio, project_id)
    shown = selected.experiment.id if experiment_id and selected else ""
    parts = experiment_form.build(spec, selected, form) if selected else experiment_form.NOTHING
    rows = experiments.metrics(studio, project_id, selected.experiment.id) if selected else []
    return TrainingView(
        shell=frame,
        project=project,
        path=path,
        spec=spec,
        parent=_parent(path, selected) if selected else None,
        has_dataset=studio.workspace.dataset(project_id).exists(),
        split_names=[split.name for split in splits.listed(studio, project_id)],
        runs=list_part(path, found, wanted.query, frozenset(wanted.ids), wanted.page, shown),
        selected=selected,
        selected_url=link(path, experiment=selected.experiment.id, **wanted.query.address()) if selected else path,
        locked=selected is not None and selected.status is not ExperimentStatus.CREATED,
        form=parts.form,
        groups=parts.groups,
        architecture=spec.architecture(selected.experiment.configuration.architecture) if selected else None,
        pipeline=parts.pipeline,
        choices=choices(spec, parts.form, selected.experiment.configuration.params)
        if selected
        else experiment_choices.NOTHING,
        devices=system.devices()["items"],
        charts=_charts(spec, selected, rows) if selected else [],
        latest=rows[-1] if rows else None,
        best=best(spec, rows),
        log=course.log(studio, project_id, selected.experiment.id, _LOG_LINES) if selected else "",
    )


def _parent(path: str, view: ExperimentView) -> Parent | None:
    if not (start := view.experiment.configuration.params.get("start_from")):
        return None
    named = re.search("experiment-[0-9a-f]{8}", str(start))
    return Parent(str(start), link(path, experiment=named.group()) if named else "")


def _charts(spec: TaskSpec, view: ExperimentView, rows: list[EpochRow]) -> list[Chart]:
    live = view.job.id if view.job and not view.job.status.final else None
    return charts(spec, rows, live, view.experiment.summary.epochs_total)
