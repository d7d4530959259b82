"""Plain ASGI middleware: no request from foreign pages, security headers, metrics."""

import time
from collections.abc import Awaitable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.errors import PROBLEM, problem
from services.gateway.metrics import LATENCY, REQUESTS
from shared.errors import Forbidden, StudioError

_SAFE = ("GET", "HEAD", "OPTIONS")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
)


class SameOrigin:
    """Refuses names that are not this studio's, and changes that another site's page tries to make.

    A foreign page may point a name of its own at this machine (DNS rebinding); its requests then carry that name.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or refuse it."""
        error = self._fault(scope) if scope["type"] == "http" else None
        if error is not None:
            await Response(orjson.dumps(problem(error)), error.status, media_type=PROBLEM)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fault(self, scope: Scope) -> StudioError | None:
        headers = Headers(scope=scope)
        name = _host_name(headers.get("host", ""))
        if not self._is_own(name):
            hint = "If this is the studio's own name, put it into AI_STUDIO_ALLOWED_HOSTS."
            return Forbidden("host_not_allowed", f"This studio is not reached as {name[:100]}.", hint=hint)
        if scope["method"] not in _SAFE and self._is_foreign(headers):
            return Forbidden("cross_site_request", "Requests from other sites' pages are refused.")
        return None

    def _is_own(self, name: str) -> bool:
        """Whether a host is an address, a plain name without a dot, or a name an operator allowed."""
        return name in self._allowed or _is_local(name)

    def _is_foreign(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") == "cross-site"
        netloc = urlsplit(origin).netloc
        return netloc != headers.get("host") and _host_name(netloc) not in self._allowed


@lru_cache(maxsize=1024)
def _is_local(name: str) -> bool:
    """Whether a host is an address or a plain name without a dot."""
    if "." not in name:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def _host_name(netloc: str) -> str:
    """Return the name in a Host header or an origin, without port and brackets."""
    return (urlsplit(f"//{netloc}").hostname or "").lower()


@lru_cache(maxsize=256)
def _counted(method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, status), LATENCY.labels(method)


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

        def watch(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                present = dict(message["headers"])
                message["headers"] = [*message["headers"], *[item for item in _ALWAYS if item[0] not in present]]
                requests, latency = _counted(scope["method"], message["status"])
                requests.inc()
                latency.observe(time.perf_counter() - began)
            return send(message)

        await self._app(scope, receive, watch)
