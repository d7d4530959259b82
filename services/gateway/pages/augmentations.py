"""The editor of an experiment's augmentations: rows to add."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.pages.augmentation_form import StepRow, row
from services.gateway.pages.rendering import View, show
from services.gateway.pages.shell import shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import NotFound
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/training/augmentations", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class RowsView(View):
    """Rows of the editor and nothing around them."""

    template: ClassVar[str] = "pages/augmentation_rows.html"

    rows: list[StepRow]


@router.get("/step")
def step(request: Request, studio: StudioDep, project_id: str, offer: str) -> Response:
    """Give the row of one transform, with its defaults."""
    spec = _spec(studio, project_id)
    found = next((item for item in spec.transforms if item.name == offer), None)
    if found is None:
        raise NotFound("transform_not_found", f"{spec.label} offers no transform {offer[:60]!r}.")
    usual = next((item for item in spec.augmentations if item.name == offer), found.step())
    return _rows(request, studio, [row(spec, found, usual)])


@router.get("/defaults")
def defaults(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Give the rows of the steps the task starts with."""
    spec = _spec(studio, project_id)
    known = {item.name: item for item in spec.transforms}
    return _rows(request, studio, [row(spec, known[item.name], item) for item in spec.augmentations])


def _rows(request: Request, studio: Studio, rows: list[StepRow]) -> Response:
    return show(request, RowsView(shell=shell(studio, "Augmentation"), rows=rows))


def _spec(studio: Studio, project_id: str) -> TaskSpec:
    return registry.spec(studio.workspace.projects.get(project_id).task)
