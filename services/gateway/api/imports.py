"""/api/datasets/{project_id}/import: getting images in, and what came of it."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError

from services.gateway.actions import imports, previews
from services.gateway.actions.imports import ImportLocal, ImportPlanned, ImportUpload, Start
from services.gateway.api.http import IdempotencyKey, Json, PageNumber, PageSize, listing, started
from services.gateway.api.uploads import is_form, received
from services.gateway.studio import Studio, StudioDep
from shared.errors import invalid_field
from shared.schemas.dataset import Problem

router = APIRouter(prefix="/api/datasets/{project_id}", tags=["datasets"])
Body = TypeVar("Body", bound=BaseModel)
_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {
                "file": {"type": "string", "format": "binary", "description": "zip, tar, tar.gz or tgz"},
                "format": {"type": "string", "default": "auto"},
                "options.read": {"type": "string", "description": "JSON, as `options.read` of an import by path"},
                "options.mode": {"type": "string", "enum": ["append", "replace"], "default": "append"},
            },
        }
    }
}
_LOCAL = {"application/json": {"schema": {"$ref": "#/components/schemas/ImportLocal"}}}


@router.post("/import", status_code=202, summary="Import what was previewed")
def import_planned(studio: StudioDep, project_id: str, body: ImportPlanned, key: IdempotencyKey = None) -> Json:
    """With exactly the plan that is given; refused when the source has changed since the preview."""
    return started(imports.import_planned(studio, project_id, body, key))


@router.post("/import/local", status_code=202, summary="Import from the server's disk")
def import_local(studio: StudioDep, project_id: str, body: ImportLocal, key: IdempotencyKey = None) -> Json:
    """The path must lie under one of the allowed import roots."""
    return started(imports.import_local(studio, project_id, body, Start(key=key)))


@router.post(
    "/import/upload",
    status_code=202,
    summary="Import an uploaded archive",
    openapi_extra={"requestBody": {"required": True, "content": _FORM}},
)
async def import_upload(request: Request, studio: StudioDep, project_id: str, key: IdempotencyKey = None) -> Json:
    """The archive goes to disk as it comes in; too large a one is refused before it is sent."""
    return await _upload(request, studio, project_id, Start(key=key))


@router.post(
    "/import/preview",
    status_code=202,
    summary="Preview an import",
    openapi_extra={"requestBody": {"required": True, "content": {**_LOCAL, **_FORM}}},
)
async def preview(request: Request, studio: StudioDep, project_id: str, key: IdempotencyKey = None) -> Json:
    """Takes what the two imports take and imports nothing: the job's `result` is the report, with a plan."""
    start = Start(preview=True, key=key)
    if is_form(request):
        return await _upload(request, studio, project_id, start)
    body = _parsed(ImportLocal, await request.body())
    return started(await run_in_threadpool(imports.import_local, studio, project_id, body, start))


@router.post("/import/preview/{job_id}", status_code=202, summary="Preview the same source again")
def preview_again(
    studio: StudioDep, project_id: str, job_id: str, body: ImportUpload, key: IdempotencyKey = None
) -> Json:
    """Read in another way; nothing is uploaded again."""
    return started(imports.preview_again(studio, project_id, job_id, body, key))


@router.delete("/import/preview/{job_id}", status_code=204, summary="Discard a preview")
def discard(studio: StudioDep, project_id: str, job_id: str) -> Response:
    """With the archive that was uploaded for it."""
    previews.discard(studio, project_id, job_id)
    return Response(status_code=204)


@router.get("/import/preview/{job_id}/samples/{number}", summary="Thumbnail of a sample", response_class=Response)
def read_sample(studio: StudioDep, project_id: str, job_id: str, number: int) -> Response:
    """A JPEG of at most 256 x 256 pixels."""
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(previews.sample(studio, project_id, job_id, number), media_type="image/jpeg", headers=headers)


@router.get("/imports", summary="List imports")
def list_imports(studio: StudioDep, project_id: str, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """What each import into the dataset did, newest first."""
    items = [item.model_dump(mode="json", exclude={"problems"}) for item in previews.reports(studio, project_id)]
    return listing(items, page, page_size)


@router.get("/imports/{job_id}/problems", summary="All problems of an import", response_class=StreamingResponse)
def read_problems(
    studio: StudioDep,
    project_id: str,
    job_id: str,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> StreamingResponse:
    """As a file, also of a preview: severity, code, file, line, message and mend of each."""
    found = previews.problems(studio, project_id, job_id)
    name = f"problems-{job_id}.{form}"
    lines, media_type = (_csv(found), "text/csv") if form == "csv" else (_json(found), "application/json")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=media_type, headers=headers)


async def _upload(request: Request, studio: Studio, project_id: str, start: Start) -> Json:
    length = request.headers.get("content-length", "0")
    await run_in_threadpool(imports.refuse_upload, studio, project_id, int(length) if length.isdigit() else 0)
    folder = studio.workspace.root / "uploads"
    async with received(request, folder, studio.settings.max_upload) as upload:
        body = _parsed(ImportUpload, _nested(upload.fields))
        job = await run_in_threadpool(
            imports.import_upload, studio, project_id, upload.path, upload.filename, body, start
        )
    return started(job)


def _nested(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return a form's fields as a body: `options.mode` is text, `options.read` is JSON."""
    options: dict[str, Any] = {name: fields[f"options.{name}"] for name in ("mode",) if f"options.{name}" in fields}
    if "options.read" in fields:
        try:
            options["read"] = json.loads(fields["options.read"])
        except (ValueError, RecursionError):
            raise invalid_field("options.read", "is not valid JSON") from None
    return {"format": fields.get("format", "auto"), "options": options}


def _parsed(model: type[Body], given: bytes | Mapping[str, Any]) -> Body:
    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from error


def _json(problems: Iterator[Problem]) -> Iterator[str]:
    between = "[\n"
    for item in problems:
        yield between + item.model_dump_json()
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _csv(problems: Iterator[Problem]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(Problem.model_fields)
    for item in problems:
        writer.writerow([_cell(value) for value in item.model_dump().values()])
        if buffer.tell() > 65536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> object:
    """Return a value as a table may hold it: what begins like a formula is text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value
