"""Templates to HTML. A view declares its template and everything the template may use; nothing else reaches it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from jinja2_fragments import render_block

from services.gateway.pages import formats
from services.gateway.pages.shell import Shell
from shared.taskkit import registry

FRONTEND = Path(__file__).parents[3] / "frontend"
STATIC = FRONTEND / "static"
TEMPLATES = FRONTEND / "templates"


@dataclass(frozen=True, kw_only=True)
class View:
    """What a template is given, field by field.

    `fragments` maps ids of elements to the blocks that fill them: a request of htmx whose target has such an id is
    answered with that block alone.
    """

    template: ClassVar[str]
    fragments: ClassVar[Mapping[str, str]] = {}

    shell: Shell

    def context(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def show(request: Request, view: View, status: int = 200) -> Response:
    """Return the page, or the one block of it that htmx asked for."""
    headers = {"Vary": "HX-Request, HX-Target", "Cache-Control": "no-store"}
    block = None
    if is_htmx(request) and "HX-History-Restore-Request" not in request.headers:
        block = view.fragments.get(request.headers.get("HX-Target", ""))
    return HTMLResponse(page(view) if block is None else fragment(view, block), status, headers)


def show_block(view: View, block: str, status: int = 200, *, template: str | None = None) -> Response:
    """Return one block, such as a form with its errors.

    Args:
        view: what the template may use.
        block: its name.
        status: of the answer.
        template: where the block is, if in a template that the view's own includes.
    """
    return HTMLResponse(fragment(view, block, template), status, {"Cache-Control": "no-store"})


def page(view: View) -> str:
    """Return the whole page."""
    return environment().get_template(view.template).render(view.context())


def fragment(view: View, block: str, template: str | None = None) -> str:
    """Return one block of the page, or of a template it includes."""
    return str(render_block(environment(), template or view.template, block, **view.context()))


def go_to(request: Request, path: str, *, toast: Mapping[str, str] | None = None) -> Response:
    """Send the browser on after a form did its work, without a reload when htmx sent it."""
    headers = {"Cache-Control": "no-store"}
    if not is_htmx(request):
        return Response(None, 303, {**headers, "Location": path})
    current = request.headers.get("HX-Current-URL", "")
    push = "false" if current.endswith(path) else "true"
    headers["HX-Location"] = json.dumps({"path": path, "push": push})
    if toast is not None:
        headers["HX-Trigger"] = toast_header(**toast)
    return Response(None, 200, headers)


def toast_header(kind: str, message: str, hint: str = "") -> str:
    """Return the value of `HX-Trigger` that shows a toast. Headers are ASCII, which `json.dumps` keeps to."""
    return json.dumps({"studio:toast": {"kind": kind, "message": message, "hint": hint}})


def is_htmx(request: Request) -> bool:
    """Whether htmx sent the request."""
    return request.headers.get("HX-Request") == "true"


def link(path: str, **query: object) -> str:
    """Return a path with a query; empty values are left out."""
    kept = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the one environment, macros in it as globals: a block rendered alone does not see a page's imports."""
    of_tasks = {task: FileSystemLoader(folder) for task, folder in registry.template_folders().items()}
    loader = ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader({"tasks": PrefixLoader(of_tasks)})])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(formats.FILTERS)
    macros = SimpleNamespace()
    made.globals.update(ui=macros, static=static, link=link)
    for path in sorted((TEMPLATES / "ui").glob("*.html")):
        module = made.get_template(f"ui/{path.name}").module
        vars(macros).update({name: item for name, item in vars(module).items() if not name.startswith("_")})
    return made


@lru_cache(maxsize=256)
def static(path: str) -> str:
    """Return the address of a static file with a mark of its content, so that it may be cached for good."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]
    return f"/static/{path}?v={digest}"
