"""Errors for people: a page of their own, or a toast when htmx asked for a part."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from services.gateway.pages.rendering import View, is_htmx, page, toast_header
from services.gateway.pages.shell import bare
from shared.errors import StudioError


@dataclass(frozen=True, kw_only=True)
class ErrorView(View):
    """The error page."""

    template: ClassVar[str] = "pages/error.html"

    status: int
    message: str
    hint: str


def render(request: Request, error: StudioError) -> Response:
    """Return an error as HTML with its status."""
    if is_htmx(request):
        message = " ".join([error.message, *(f"{item.field}: {item.message}." for item in error.errors)])
        return Response(None, error.status, {"HX-Trigger": toast_header("bad", message, error.hint or "")})
    view = ErrorView(shell=bare(f"{error.status}"), status=error.status, message=error.message, hint=error.hint or "")
    return HTMLResponse(page(view), error.status, {"Cache-Control": "no-store"})
