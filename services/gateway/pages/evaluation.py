"""Evaluations: how good a model is, and which images say so."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request, Response

from services.gateway.actions import evaluations, experiments, splits, system
from services.gateway.actions.evaluations import EvaluationBody, EvaluationView, ResultFilters
from services.gateway.actions.experiments import ExperimentView
from services.gateway.pages import schema_form, tiles
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed, refused
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, go_to, link, show, show_block
from services.gateway.pages.result import USUAL, FiltersDep, query_of
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.task_parts import Part, evaluation_part
from services.gateway.pages.tiles import Tile
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ClassInfo, Legend
from shared.schemas.evaluation import EvaluationConfig, ImageResult
from shared.schemas.experiment import ExperimentStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/evaluation", include_in_schema=False)
PAGE_SIZE = 48
_OPTIONS = "options."


@dataclass(frozen=True)
class ResultTile:
    """One judged image."""

    tile: Tile
    correct: bool | None
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class EvaluationPageView(View):
    """The completed experiments, and the evaluation of one."""

    template: ClassVar[str] = "pages/evaluation.html"
    fragments: ClassVar[dict[str, str]] = {"results": "results"}

    project: Project
    path: str
    spec: TaskSpec
    items: list[ExperimentView]
    selected: ExperimentView | None
    selected_url: str
    counts: dict[Subset, int]
    devices: list[dict[str, Any]]
    form: Form
    chosen_subsets: list[str]
    options: list[schema_form.Group]
    evaluation: EvaluationView | None
    part: Part | None
    filters: dict[str, str]
    results_url: Callable[..., str]
    image_url: Callable[[str], str]
    judged: bool
    scored: bool
    classes: list[ClassInfo]
    tiles: list[ResultTile]
    pager: Pager | None


PageDep = Annotated[int, Query(ge=1, le=10_000_000)]


@router.get("")
def read(
    request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, experiment: str = "", page: PageDep = 1
) -> Response:
    """Show an evaluation; the newest completed experiment is chosen unless the address names one."""
    return show(request, _view(studio, project_id, experiment, filters, page))


@router.post("/{experiment_id}")
def start(request: Request, studio: StudioDep, project_id: str, experiment_id: str, typed: TypedDep) -> Response:
    """Start an evaluation; it replaces an older one."""
    try:
        spec = registry.spec(studio.workspace.projects.get(project_id).task)
        schema = spec.evaluation_options.model_json_schema()
        options = schema_form.typed_values(schema, typed.values, _OPTIONS)
        given = typed.given("checkpoint", "batch_size", "device")
        body = parsed(EvaluationBody, {**given, "subsets": typed.every("subsets"), "options": options})
        evaluations.start(studio, project_id, experiment_id, body)
    except StudioError as error:
        form = refused(typed.values, error, {*typed.values, "checkpoint", "batch_size", "device", "subsets"})
        view = _view(studio, project_id, experiment_id, USUAL, 1, form, typed)
        return show_block(view, "configuration", 422, template="pages/evaluation_form.html")
    return go_to(request, _address(project_id, experiment_id))


@router.post("/{experiment_id}/reset")
def reset(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Remove an evaluation at once."""
    evaluations.delete(studio, project_id, experiment_id)
    told = {"kind": "ok", "message": "The evaluation is removed."}
    return go_to(request, _address(project_id, experiment_id), toast=told)


def _address(project_id: str, experiment_id: str) -> str:
    return link(project_path(project_id, "evaluation"), experiment=experiment_id)


def _view(
    studio: Studio,
    project_id: str,
    experiment_id: str,
    filters: ResultFilters,
    page: int,
    form: Form | None = None,
    typed: Typed | None = None,
) -> EvaluationPageView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Evaluation", project=project, step="evaluation")
    path = project_path(project_id, "evaluation")
    items = [item for item in experiments.listed(studio, project_id) if item.status is ExperimentStatus.COMPLETED]
    selected = experiments.view(studio, project_id, experiment_id) if experiment_id else next(iter(items), None)
    empty = EvaluationPageView(
        shell=frame,
        project=project,
        path=path,
        spec=registry.spec(project.task),
        items=items,
        selected=selected,
        selected_url=path,
        counts={},
        devices=[],
        form=form or Form(),
        chosen_subsets=[],
        options=[],
        evaluation=None,
        part=None,
        filters={},
        results_url=str,
        image_url=str,
        judged=False,
        scored=False,
        classes=[],
        tiles=[],
        pager=None,
    )
    return _of_selected(studio, empty, selected, filters, page, typed) if selected else empty


def _of_selected(
    studio: Studio,
    view: EvaluationPageView,
    selected: ExperimentView,
    filters: ResultFilters,
    page: int,
    typed: Typed | None,
) -> EvaluationPageView:
    """Fill in what belongs to the chosen experiment."""
    experiment, project = selected.experiment, view.project
    found = evaluations.find(studio, project.id, experiment.id)
    config = found.evaluation.config if found else EvaluationConfig()
    stored = {"checkpoint": config.checkpoint, "batch_size": config.batch_size, "device": config.device}
    view = replace(
        view,
        selected_url=_address(project.id, experiment.id),
        counts=_subset_counts(studio, project.id, selected),
        devices=system.devices()["items"],
        form=view.form if typed else Form(stored),
        chosen_subsets=typed.every("subsets") if typed else list(config.subsets),
        options=_options(view.spec, view.form if typed else None, config),
        evaluation=found,
    )
    if found is None or found.aggregate is None:
        return view
    return _with_results(studio, view, experiment.id, filters, page)


def _with_results(
    studio: Studio, view: EvaluationPageView, experiment_id: str, filters: ResultFilters, page: int
) -> EvaluationPageView:
    """Fill in what there is once an evaluation is complete."""
    assert view.evaluation is not None
    assert view.evaluation.aggregate is not None
    project, query = view.project, query_of(filters)
    legend = evaluations.legend(studio, project.id, experiment_id)
    every = evaluations.results(studio, project.id, experiment_id, ResultFilters())
    results = evaluations.results(studio, project.id, experiment_id, filters)
    shown = results[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]

    def url(**changes: object) -> str:
        return link(view.path, experiment=experiment_id, **{**query, **changes})

    def image_url(image_id: str) -> str:
        return link(f"{view.path}/{experiment_id}/images/{image_id}", **query)

    blank = dict.fromkeys(("class", "predicted", "correct", "subset"), "")
    return replace(
        view,
        part=evaluation_part(project.task, view.evaluation.aggregate, every, legend),
        filters={**blank, "sort_by": filters.sort_by, "sort_order": filters.sort_order, **query},
        results_url=url,
        image_url=image_url,
        judged=any(item.correct is not None for item in every),
        scored=any(item.confidence is not None for item in every),
        classes=legend.classes,
        tiles=[_tile(project, item, legend, image_url(item.image_id)) for item in shown],
        pager=pager(len(results), page, PAGE_SIZE, lambda number: url(page=number)),
    )


def _subset_counts(studio: Studio, project_id: str, selected: ExperimentView) -> dict[Subset, int]:
    try:
        counts = splits.get(studio, project_id, selected.experiment.configuration.split_id).counts
    except StudioError:
        return dict.fromkeys(SUBSETS, 0)
    return dict(counts)


def _options(spec: TaskSpec, typed: Form | None, config: EvaluationConfig) -> list[schema_form.Group]:
    """Return the task's own choices as a form: as typed, else as the present evaluation was made."""
    schema = spec.evaluation_options.model_json_schema()
    values = schema_form.typed_values(schema, typed.values, _OPTIONS) if typed else config.options
    error = typed.error if typed else Form().error
    return schema_form.groups(schema, values, prefix=_OPTIONS, defaults={}, labels={}, error=error)


def _tile(project: Project, result: ImageResult, legend: Legend, url: str) -> ResultTile:
    shapes = evaluations.result_shapes(project.task, result, legend)
    # A predicted class says enough beside its verdict; a number nothing without the actual one.
    told = [shape for shape in shapes if shape.role != "truth" or shape.color is None]
    size = (result.width, result.height)
    made = tiles.with_shapes(project.id, result.image_id, result.filename, size, told, url)
    return ResultTile(made, result.correct, result.confidence)
