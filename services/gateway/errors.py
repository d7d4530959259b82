"""One place where errors become answers: RFC 9457 problem JSON for the API, a page or a toast for people."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from services.gateway.pages import errors as pages
from shared.errors import DiskFull, FieldError, Invalid, NotFound, StudioError
from shared.store.files import disk_errors

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"


class UnexpectedError(StudioError):
    """A fault of ours."""

    status = 500


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(StudioError, _studio_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def problem(error: StudioError) -> dict[str, Any]:
    """Return an error as RFC 9457 members."""
    body: dict[str, Any] = {
        "type": f"urn:ai-studio:problem:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    if error.hint:
        body["hint"] = error.hint
    if error.errors:
        body["errors"] = [{"field": item.field, "message": item.message} for item in error.errors]
    return body


def _answer(request: Request, error: StudioError, headers: Mapping[str, str] | None = None) -> Response:
    if not f"{request.url.path}/".startswith(("/api/", "/metrics/", "/openapi.json/")):
        return pages.render(request, error)
    return Response(orjson.dumps(problem(error)), error.status, dict(headers or {}), PROBLEM)


async def _studio_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)
    return _answer(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0]), _message(item))
        for item in error.errors()
    ]
    return _answer(request, Invalid("invalid_request", "Some values of the request cannot be used.", errors=errors))


def _message(item: Mapping[str, Any]) -> str:
    return str(item["msg"]).removeprefix("Value error, ")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(request, NotFound("not_found", f"There is nothing at {request.url.path[:200]}."))
    told = type("Told", (StudioError,), {"status": error.status_code})
    code = {405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "bad_request")
    return _answer(request, told(code, str(error.detail)), error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    try:
        with disk_errors():
            raise error
    except DiskFull as full:
        return _answer(request, full)
    except Exception:
        pass
    log.error("%s %s failed\n%s", request.method, request.url.path, "".join(traceback.format_exception(error)))
    hint = "This is a fault of the studio. Its log has the details."
    return _answer(request, UnexpectedError("internal_error", "Something went wrong inside the studio.", hint=hint))
