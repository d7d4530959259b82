"""Plain ASGI middleware: no request from foreign pages, security headers, metrics."""

import time
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.errors import PROBLEM, problem
from services.gateway.metrics import LATENCY, REQUESTS
from shared.errors import Forbidden

_SAFE = ("GET", "HEAD", "OPTIONS")


class SameOrigin:
    """Refuses changes that another site's page tries to make through a visitor's browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or refuse it."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and _is_foreign(Headers(scope=scope)):
            error = Forbidden("cross_site_request", "Requests from other sites' pages are refused.")
            await Response(orjson.dumps(problem(error)), 403, media_type=PROBLEM)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "cross-site"
    return urlsplit(origin).netloc != headers.get("x-forwarded-host", headers.get("host"))


class Observed:
    """Counts requests and adds the headers every answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch its answer begin."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "SAMEORIGIN")
                headers.setdefault("Referrer-Policy", "same-origin")
                REQUESTS.labels(scope["method"], message["status"]).inc()
                LATENCY.labels(scope["method"]).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, watch)
