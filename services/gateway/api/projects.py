"""/api/projects."""

from fastapi import APIRouter, Query, Response

from services.gateway.actions import projects
from services.gateway.actions.projects import NewProject, ProjectChanges
from services.gateway.api.http import IfMatch, Json, PageNumber, PageSize, listing, revision_of
from services.gateway.studio import StudioDep
from shared.schemas.project import Project

router = APIRouter(prefix="/api/projects", tags=["projects"])


@router.get("", summary="List projects")
def list_projects(studio: StudioDep, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """All projects, the one changed last first."""
    return listing([_body(item) for item in studio.workspace.projects.list()], page, page_size)


@router.post("", status_code=201, summary="Create a project", response_model=Project)
def create_project(studio: StudioDep, body: NewProject) -> Json:
    """The task of a project never changes."""
    project = projects.create(studio, body)
    return Json(_body(project), 201, {"Location": f"/api/projects/{project.id}"})


@router.get("/{project_id}", summary="Read a project", response_model=Project)
def read_project(studio: StudioDep, project_id: str) -> Json:
    """One project."""
    return Json(_body(studio.workspace.projects.get(project_id)))


@router.patch("/{project_id}", summary="Rename or describe a project", response_model=Project)
def edit_project(studio: StudioDep, project_id: str, body: ProjectChanges, if_match: IfMatch = None) -> Json:
    """Missing fields stay as they are."""
    return Json(_body(projects.edit(studio, project_id, body, revision_of(if_match))))


@router.delete("/{project_id}", status_code=204, summary="Delete a project")
def delete_project(
    studio: StudioDep, project_id: str, force: bool = Query(False, description="Cancel running jobs first.")
) -> Response:
    """409 while a job of it runs, unless forced."""
    projects.delete(studio, project_id, force=force)
    return Response(status_code=204)


def _body(project: Project) -> dict[str, object]:
    return project.model_dump(mode="json", exclude={"schema_version"})
