"""Requests straight into an application: what is measured is the application, not a client."""

from typing import Any, Protocol

from fastapi import FastAPI

from services.gateway.app import create_app
from services.gateway.live import Hub
from services.gateway.studio import Studio
from shared.settings import Settings
from shared.store.workspace import Workspace


def application(workspace: Workspace) -> FastAPI:
    """Return the gateway over a workspace, without what it does beside answering."""
    settings = Settings(workspace=workspace.root, redis_url="redis://127.0.0.1:1/0")
    app = create_app(settings)
    app.state.studio = Studio(workspace, settings, Hub(workspace.jobs, settings))
    return app


class Application(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""


async def get(app: Application, path: str, query: str = "") -> tuple[int, bytes]:
    """Return status and body of the answer to a GET."""
    status, body = 0, bytearray()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, bytes(body)
