"""One judged image, and the filters it was found with."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import evaluations
from services.gateway.actions.evaluations import ResultDetail, ResultFilters
from services.gateway.pages import formats, tiles
from services.gateway.pages.rendering import View, link, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.task_parts import Part, image_part
from services.gateway.studio import StudioDep
from shared.schemas.project import Project

router = APIRouter(prefix="/projects/{project_id}/evaluation", include_in_schema=False)
USUAL = ResultFilters(sort_by="error", sort_order="desc")
"""What the page shows before anybody chooses: the worst first."""


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
    sort_by: Literal["filename", "confidence", "error"] = USUAL.sort_by,
    sort_order: Literal["asc", "desc"] = USUAL.sort_order,
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
    query = query_of(filters)
    base = f"{project_path(project_id, 'evaluation')}/{experiment_id}/images"
    view = ResultView(
        shell=frame,
        project=project,
        detail=detail,
        file=tiles.display_url(project_id, image_id),
        shapes=tiles.drawn([*detail.truth, *detail.prediction]),
        facts=tiles.facts(detail.record, formats.size(detail.record.bytes)),
        part=image_part(project.task, detail.result, aggregate, evaluations.legend(studio, project_id, experiment_id)),
        back=link(project_path(project_id, "evaluation"), experiment=experiment_id, **query) + "#results",
        previous=link(f"{base}/{detail.previous}", **query) if detail.previous else "",
        next=link(f"{base}/{detail.next}", **query) if detail.next else "",
    )
    return show(request, view)


def query_of(filters: ResultFilters) -> dict[str, str]:
    """Return filters as they stand in an address; what is as usual is left out."""
    usual = asdict(USUAL)
    given = {key: value for key, value in asdict(filters).items() if value != usual[key]}
    names = {"class_name": "class"}
    return {
        names.get(key, key): str(value).lower() if value in (True, False) else value for key, value in given.items()
    }
