"""/api/export."""

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from services.gateway.actions import exports
from services.gateway.actions.exports import NewExport
from services.gateway.api.http import IdempotencyKey, Json, PageNumber, PageSize, listing
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/api/export", tags=["export"])


@router.get("/formats", summary="Export formats")
def list_formats(page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """With availability on this machine."""
    return listing(exports.formats(), page, page_size)


@router.get("/{project_id}", summary="List exports")
def list_exports(studio: StudioDep, project_id: str, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """Newest first."""
    return listing([item.body() for item in exports.listed(studio, project_id)], page, page_size)


@router.post("/{project_id}", status_code=202, summary="Start an export")
def start(studio: StudioDep, project_id: str, body: NewExport, key: IdempotencyKey = None) -> Json:
    """Answers the job; its `payload.export_id` names the export."""
    export, job = exports.start(studio, project_id, body, key)
    answer = {**job.model_dump(mode="json"), "export_id": export.id}
    return Json(answer, 202, {"Location": f"/api/jobs/{job.id}"})


@router.get("/{project_id}/{export_id}", summary="Read an export")
def read(studio: StudioDep, project_id: str, export_id: str) -> Json:
    """Status, options, verification."""
    return Json(exports.get(studio, project_id, export_id).body())


@router.delete("/{project_id}/{export_id}", status_code=204, summary="Delete an export")
def delete(studio: StudioDep, project_id: str, export_id: str) -> Response:
    """With its file."""
    exports.delete(studio, project_id, export_id)
    return Response(status_code=204)


@router.get("/{project_id}/{export_id}/download", summary="Download the file", response_class=FileResponse)
def download(studio: StudioDep, project_id: str, export_id: str) -> FileResponse:
    """With range requests."""
    path = exports.file(studio, project_id, export_id)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)
