"""/api/datasets/{project_id}/import: getting images in."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from services.gateway.actions import imports
from services.gateway.actions.imports import ImportLocal, ImportOptions
from services.gateway.api.http import IdempotencyKey, Json, started
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/api/datasets/{project_id}", tags=["datasets"])


@router.post("/import/local", status_code=202, summary="Import from the server's disk")
def import_local(studio: StudioDep, project_id: str, body: ImportLocal, key: IdempotencyKey = None) -> Json:
    """The path must lie under one of the allowed import roots."""
    return started(imports.import_local(studio, project_id, body, key))


class _RefusesEarly(APIRoute):
    """Looks at a request before its body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the check in front."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            length = request.headers.get("content-length", "0")
            studio, project_id = request.app.state.studio, request.path_params["project_id"]
            announced = int(length) if length.isdigit() else 0
            await run_in_threadpool(imports.refuse_upload, studio, project_id, announced)
            return await handle(request)

        return checked


uploads = APIRouter(route_class=_RefusesEarly)


@uploads.post("/import/upload", status_code=202, summary="Import an uploaded archive")
def import_upload(
    studio: StudioDep,
    project_id: str,
    file: Annotated[UploadFile, File(description="zip, tar, tar.gz or tgz")],
    format_id: Annotated[str, Form(alias="format")] = "auto",
    mode: Annotated[Literal["append", "replace"], Form(alias="options.mode")] = "append",
    key: IdempotencyKey = None,
) -> Json:
    """The archive goes to disk as it comes in; too large a one is refused before it is sent."""
    options = ImportOptions(mode=mode)
    return started(imports.import_upload(studio, project_id, file.file, file.filename or "", format_id, options, key))


router.include_router(uploads)
