"""Evaluations: how good a model is, and which images say so."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import evaluations, experiments, splits, system
from services.gateway.actions.evaluations import EvaluationBody, EvaluationView, ResultDetail, ResultFilters
from services.gateway.actions.experiments import ExperimentView
from services.gateway.pages import formats, tiles
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed, refused
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, go_to, link, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.task_parts import Part, evaluation_part, image_part
from services.gateway.pages.tiles import Tag, Tile
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ClassInfo
from shared.schemas.evaluation import EvaluationConfig, ImageResult
from shared.schemas.experiment import ExperimentStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/evaluation", include_in_schema=False)
PAGE_SIZE = 48


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
    evaluation: EvaluationView | None
    part: Part | None
    filters: dict[str, str]
    results_url: Callable[..., str]
    classes: list[ClassInfo]
    tiles: list[ResultTile]
    pager: Pager | None


@dataclass(frozen=True, kw_only=True)
class ResultView(View):
    """One judged image, full size."""

    template: ClassVar[str] = "pages/result.html"

    project: Project
    detail: ResultDetail
    file: str
    shapes: list[dict[str, Any]]
    facts: list[tuple[str, str]]
    part: Part | None
    back: str
    previous: str
    next: str


def _filters(
    class_name: Annotated[str, Query(alias="class")] = "",
    predicted: str = "",
    correct: Literal["", "true", "false"] = "",
    subset: Literal["", "train", "val", "test"] = "",
    sort_by: Literal["filename", "confidence", "error"] = "filename",
    sort_order: Literal["asc", "desc"] = "asc",
) -> ResultFilters:
    return ResultFilters(
        class_name=class_name or None,
        predicted=predicted or None,
        correct=None if correct == "" else correct == "true",
        subset=subset or None,
        sort_by=sort_by,
        sort_order=sort_order,
    )


FiltersDep = Annotated[ResultFilters, Depends(_filters)]
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
        given = {**typed.given("checkpoint", "batch_size", "device"), "subsets": typed.every("subsets")}
        evaluations.start(studio, project_id, experiment_id, parsed(EvaluationBody, given))
    except StudioError as error:
        form = refused(typed.values, error, {"checkpoint", "batch_size", "device", "subsets"})
        view = _view(studio, project_id, experiment_id, ResultFilters(), 1, form, typed)
        return show_block(view, "configuration", 422, template="pages/evaluation_form.html")
    return go_to(request, _address(project_id, experiment_id))


@router.post("/{experiment_id}/reset")
def reset(request: Request, studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Remove an evaluation at once."""
    evaluations.delete(studio, project_id, experiment_id)
    told = {"kind": "ok", "message": "The evaluation is removed."}
    return go_to(request, _address(project_id, experiment_id), toast=told)


@router.get("/{experiment_id}/images/{image_id}")
def image(
    request: Request, studio: StudioDep, project_id: str, experiment_id: str, image_id: str, filters: FiltersDep
) -> Response:
    """Show one judged image with its neighbours in the same filters."""
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Result", project=project, step="evaluation")
    detail = evaluations.result(studio, project_id, experiment_id, image_id, filters)
    aggregate = evaluations.get(studio, project_id, experiment_id).aggregate
    assert aggregate is not None, "results exist only together with their aggregate"
    query = _query(filters)
    base = f"{project_path(project_id, 'evaluation')}/{experiment_id}/images"
    view = ResultView(
        shell=frame,
        project=project,
        detail=detail,
        file=tiles.file_url(project_id, image_id),
        shapes=tiles.drawn([*detail.truth, *detail.prediction]),
        facts=tiles.facts(detail.record, formats.size(detail.record.bytes)),
        part=image_part(project.task, detail.result, aggregate, evaluations.classes(studio, project_id, experiment_id)),
        back=link(project_path(project_id, "evaluation"), experiment=experiment_id, **query) + "#results",
        previous=link(f"{base}/{detail.previous}", **query) if detail.previous else "",
        next=link(f"{base}/{detail.next}", **query) if detail.next else "",
    )
    return show(request, view)


def _address(project_id: str, experiment_id: str) -> str:
    return link(project_path(project_id, "evaluation"), experiment=experiment_id)


def _query(filters: ResultFilters) -> dict[str, str]:
    """Return filters as they stand in an address; what is as usual is left out."""
    usual = asdict(ResultFilters())
    given = {key: value for key, value in asdict(filters).items() if value != usual[key]}
    names = {"class_name": "class"}
    return {
        names.get(key, key): str(value).lower() if value in (True, False) else value for key, value in given.items()
    }


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
        evaluation=None,
        part=None,
        filters={},
        results_url=str,
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
    project, query = view.project, _query(filters)
    classes = evaluations.classes(studio, project.id, experiment_id)
    results = evaluations.results(studio, project.id, experiment_id, filters)
    shown = results[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]

    def url(**changes: object) -> str:
        return link(view.path, experiment=experiment_id, **{**query, **changes})

    base = f"{view.path}/{experiment_id}/images"
    blank = dict.fromkeys(("class", "predicted", "correct", "subset"), "")
    return replace(
        view,
        part=evaluation_part(project.task, view.evaluation.aggregate, classes),
        filters={**blank, "sort_by": filters.sort_by, "sort_order": filters.sort_order, **query},
        results_url=url,
        classes=classes,
        tiles=[_tile(project.id, item, classes, link(f"{base}/{item.image_id}", **query)) for item in shown],
        pager=pager(len(results), page, PAGE_SIZE, lambda number: url(page=number)),
    )


def _subset_counts(studio: Studio, project_id: str, selected: ExperimentView) -> dict[Subset, int]:
    try:
        counts = splits.get(studio, project_id, selected.experiment.configuration.split_id).counts
    except StudioError:
        return dict.fromkeys(SUBSETS, 0)
    return dict(counts)


def _tile(project_id: str, result: ImageResult, classes: list[ClassInfo], url: str) -> ResultTile:
    known = {item.id: item for item in classes}
    tags = [Tag(known[number].name, known[number].color) for number in result.predicted_classes if number in known]
    made = Tile(
        id=result.image_id,
        url=url,
        thumbnail=tiles.thumbnail_url(project_id, result.image_id),
        filename=result.filename,
        width=1,
        height=1,
        tags=tags[:1],
        more_tags=max(0, len(tags) - 1),
        shapes=[],
    )
    return ResultTile(made, result.correct, result.confidence)
