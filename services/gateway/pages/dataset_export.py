"""The dataset as an archive, from the dataset's page."""

from fastapi import APIRouter, Request, Response

from services.gateway.actions import dataset_exports
from services.gateway.actions.dataset_exports import DatasetExport
from services.gateway.pages.forms import TypedDep, parsed
from services.gateway.pages.rendering import go_to
from services.gateway.pages.shell import project_path
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/projects/{project_id}/dataset/export", include_in_schema=False)


@router.post("")
def start(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Start an export; the page then tells how it goes."""
    dataset_exports.start(studio, project_id, parsed(DatasetExport, typed.given("format", "split")))
    return go_to(request, project_path(project_id, "dataset"))
