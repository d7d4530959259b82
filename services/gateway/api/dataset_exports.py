"""/api/datasets/{project_id}/export: the dataset, to take elsewhere."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from services.gateway.actions import dataset_exports
from services.gateway.actions.dataset_exports import DatasetExport
from services.gateway.api.http import IdempotencyKey, Json, started
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/api/datasets/{project_id}/export", tags=["datasets"])


@router.post("", status_code=202, summary="Export the dataset")
def export_dataset(studio: StudioDep, project_id: str, body: DatasetExport, key: IdempotencyKey = None) -> Json:
    """As one archive; the job's `result` says what it holds and what the format could not hold."""
    return started(dataset_exports.start(studio, project_id, body, key))


@router.get("/{job_id}/download", summary="Download an exported dataset", response_class=FileResponse)
def download(studio: StudioDep, project_id: str, job_id: str) -> FileResponse:
    """With range requests."""
    path, name = dataset_exports.file(studio, project_id, job_id)
    return FileResponse(path, media_type="application/zip", filename=name)
