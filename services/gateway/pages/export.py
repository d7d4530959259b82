"""Exports: a file for elsewhere, and the proof that it says the same."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import experiments, exports
from services.gateway.actions.experiments import ExperimentView
from services.gateway.actions.exports import ExportView, NewExport
from services.gateway.pages.forms import Form, TypedDep, parsed, refused
from services.gateway.pages.rendering import View, go_to, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.experiment import ExperimentStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/export", include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class ExportPageView(View):
    """The form, and every export of the project."""

    template: ClassVar[str] = "pages/export.html"

    project: Project
    path: str
    spec: TaskSpec
    items: list[ExperimentView]
    selected: ExperimentView | None
    form: Form
    exports: list[ExportView]


@router.get("")
def read(request: Request, studio: StudioDep, project_id: str, experiment: str = "") -> Response:
    """Show the exports; the newest completed experiment is chosen unless the address names one."""
    return show(request, _view(studio, project_id, experiment, Form()))


@router.post("")
def start(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Start an export."""
    try:
        exports.start(studio, project_id, parsed(NewExport, typed.given("experiment_id", "checkpoint", "format")))
    except StudioError as error:
        form = refused(typed.values, error, {"experiment_id", "checkpoint", "format"})
        return show_block(_view(studio, project_id, typed.get("experiment_id"), form), "export_form", 422)
    return go_to(request, project_path(project_id, "export"))


@router.post("/{export_id}/delete")
def delete(request: Request, studio: StudioDep, project_id: str, export_id: str) -> Response:
    """Remove an export and its file."""
    exports.delete(studio, project_id, export_id)
    return go_to(request, project_path(project_id, "export"), toast={"kind": "ok", "message": "The export is deleted."})


def _view(studio: Studio, project_id: str, experiment_id: str, form: Form) -> ExportPageView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Export", project=project, step="export")
    items = [item for item in experiments.listed(studio, project_id) if item.status is ExperimentStatus.COMPLETED]
    selected = next((item for item in items if item.experiment.id == experiment_id), next(iter(items), None))
    return ExportPageView(
        shell=frame,
        project=project,
        path=project_path(project_id, "export"),
        spec=registry.spec(project.task),
        items=items,
        selected=selected,
        form=form,
        exports=exports.listed(studio, project_id),
    )
