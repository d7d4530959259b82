"""The list of projects."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import projects
from services.gateway.actions.projects import NewProject, ProjectCard, ProjectChanges
from services.gateway.pages.forms import Form, TypedDep, parsed, refused
from services.gateway.pages.rendering import View, go_to, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class ProjectsView(View):
    """Every project as a card; `create` opens the dialog for a new one at once."""

    template: ClassVar[str] = "pages/projects.html"

    cards: list[ProjectCard]
    tasks: list[TaskSpec]
    form: Form
    create: bool


@dataclass(frozen=True, kw_only=True)
class RenameView(View):
    """The rename form of one project."""

    template: ClassVar[str] = "pages/project_rename.html"

    project: Project
    form: Form


@router.get("/")
def read(request: Request, studio: StudioDep, new: bool = False) -> Response:
    """Show all projects."""
    return show(request, _view(studio, Form(), create=new))


@router.post("/projects")
def create(request: Request, studio: StudioDep, typed: TypedDep) -> Response:
    """Create a project and go to its dataset."""
    try:
        made = projects.create(studio, parsed(NewProject, typed.given("name", "task", "description")))
    except StudioError as error:
        form = refused(typed.values, error, {"name", "task", "description"})
        return show_block(_view(studio, form, create=True), "create_form", 422)
    return go_to(request, project_path(made.id, "dataset"))


@router.get("/projects/{project_id}")
def open_project(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Go to the first step of a project."""
    return go_to(request, project_path(studio.workspace.projects.get(project_id).id, "dataset"))


@router.get("/projects/{project_id}/rename")
def rename_form(studio: StudioDep, project_id: str) -> Response:
    """Show the form to rename a project in the place of its name."""
    project = studio.workspace.projects.get(project_id)
    form = Form({"name": project.name, "description": project.description})
    return show_block(RenameView(shell=shell(studio, "Rename"), project=project, form=form), "rename_form")


@router.post("/projects/{project_id}/rename")
def rename(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Rename and describe a project."""
    try:
        given = {"name": typed.get("name"), "description": typed.get("description")}
        projects.edit(studio, project_id, parsed(ProjectChanges, given))
    except StudioError as error:
        project = studio.workspace.projects.get(project_id)
        form = refused(typed.values, error, {"name", "description"})
        view = RenameView(shell=shell(studio, "Rename"), project=project, form=form)
        return show_block(view, "rename_form", 422)
    return go_to(request, "/", toast={"kind": "ok", "message": "The project is renamed."})


@router.post("/projects/{project_id}/delete")
def delete(request: Request, studio: StudioDep, project_id: str, force: bool = False) -> Response:
    """Delete a project with everything in it; `force` cancels its jobs first, which the dialog has said."""
    name = studio.workspace.projects.get(project_id).name
    projects.delete(studio, project_id, force=force)
    return go_to(request, "/", toast={"kind": "ok", "message": f"{name} is deleted."})


def _view(studio: Studio, form: Form, *, create: bool) -> ProjectsView:
    frame = shell(studio, "Projects")
    return ProjectsView(shell=frame, cards=projects.cards(studio), tasks=registry.specs(), form=form, create=create)
