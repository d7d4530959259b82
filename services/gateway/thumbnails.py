"""Thumbnails, by the hundred on every page: answered before the rest of the application is asked."""

import os
import re
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

_PATH = re.compile(r"/api/datasets/(project-[0-9a-f]{8})/images/([0-9a-f]{16})/thumbnail")
_MOST = 100_000
"""Bytes that are read at once; a thumbnail has fewer, and what has as many is left to the router."""
FOREVER = "private, max-age=31536000, immutable"


class Thumbnails:
    """Answers with the stored file; what is not stored, asked for conditionally, or not found is left to the router.

    A thumbnail is a few kilobytes from the disk's cache: reading it here takes less time than a thread would.
    """

    def __init__(self, app: ASGIApp, workspace: Path) -> None:
        self._app = app
        self._projects = str(workspace / "projects")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a thumbnail or pass the request on."""
        content = self._stored(scope) if scope["type"] == "http" else None
        if content is None:
            await self._app(scope, receive, send)
            return
        tag, data = content
        headers = [
            (b"content-type", b"image/jpeg"),
            (b"content-length", b"%d" % len(data)),
            (b"etag", b'"%s-256"' % tag),
            (b"cache-control", FOREVER.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _stored(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """Return the image's id and its thumbnail, where it can be answered at once."""
        if scope["method"] != "GET" or (match := _PATH.fullmatch(scope["path"])) is None:
            return None
        if b"if-none-match" in dict(scope["headers"]):
            return None
        project, image = match.groups()
        data = _read(f"{self._projects}/{project}/dataset/thumbs/{image[:2]}/{image}.jpg")
        return None if data is None else (image.encode(), data)


def _read(path: str) -> bytes | None:
    """Return the content of a small file by as few calls of the system as can be."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        data = os.read(handle, _MOST)
    except OSError:
        return None
    finally:
        os.close(handle)
    return data if len(data) < _MOST else None
