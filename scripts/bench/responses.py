"""Goals 6 and 7: a list of 50 records against bytes that are encoded already, thumbnails against a bare handler.

Both are asked for over HTTP on kept connections, each from a server of its own, in turn.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from scripts.bench._asgi import Application, application, get
from scripts.bench._generated import filled
from scripts.studio.net import any_free_port
from services.gateway.api.http import encoded_listing
from shared.store.batches import write_unsettled
from shared.store.workspace import Workspace

LIST_RATIO, THUMBNAIL_RATIO = 0.8, 0.75
_REQUESTS = 1500
_ROUNDS = 5
_THUMBNAIL = bytes(range(256)) * 32


def main() -> int:
    """Measure and print; return 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace(Path(place))
        workspace.prepare()
        return asyncio.run(_both(workspace))


async def _both(workspace: Workspace) -> int:
    dataset = filled(workspace, 1000)
    app = application(workspace)
    images = f"/api/datasets/{dataset.folder.parent.name}/images"
    _, body = await get(app, images, "page_size=50")
    lines = dataset.chunks.lines(dataset.head().chunks[0].hash)[:50]
    lists = await _ratio([_listing(lines, body), _listing(None, body)], ["/list", "/list"])
    image_id = next(dataset.records()).id
    path = dataset.thumbnail_path(image_id)
    write_unsettled(path, _THUMBNAIL)
    thumbnails = await _ratio([app, _bare(path)], [f"{images}/{image_id}/thumbnail", "/"])
    good = [
        _told("list of 50 records against the same bytes, encoded already", lists, LIST_RATIO),
        _told(f"thumbnail of {len(_THUMBNAIL):,} bytes against a bare ASGI handler", thumbnails, THUMBNAIL_RATIO),
    ]
    return 0 if all(good) else 1


def _listing(lines: Sequence[bytes] | None, body: bytes) -> FastAPI:
    """Return an application with one route that answers a list: from stored records, or as the bytes it has."""
    made = FastAPI()

    @made.get("/list")
    async def read() -> Response:
        if lines is None:
            return Response(body, media_type="application/json")
        return encoded_listing(lines, 1000, 1, 50)

    return made


def _bare(path: Path) -> Application:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            data = path.read_bytes()
            headers = [(b"content-type", b"image/jpeg"), (b"content-length", b"%d" % len(data))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": data})

    return answer


async def _ratio(apps: Sequence[Application], paths: Sequence[str]) -> tuple[float, float, float]:
    """Return requests a second of the first and the second application, and the median of their ratios."""
    ports = [any_free_port() for _ in apps]
    servers = [
        uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", access_log=False, lifespan="off"))
        for app, port in zip(apps, ports, strict=True)
    ]
    serving = [asyncio.create_task(server.serve()) for server in servers]
    while not all(server.started for server in servers):
        await asyncio.sleep(0.05)
    rates: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for rate, port, path in zip(rates, ports, paths, strict=True):
            rate.append(await _rate(port, path))
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*serving)
    ratios = [first / second for first, second in zip(*rates, strict=True)]
    return statistics.median(rates[0]), statistics.median(rates[1]), statistics.median(ratios)


async def _rate(port: int, path: str) -> float:
    """Return answers a second on one connection; the client is part of both sides of the ratio."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    started = time.process_time()
    for _ in range(_REQUESTS):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.close()
    return _REQUESTS / (time.process_time() - started)


def _told(what: str, found: tuple[float, float, float], goal: float) -> bool:
    ours, theirs, ratio = found
    verdict = "ok" if ratio >= goal else "MISSED"
    print(f"{what}: {ours:,.0f} against {theirs:,.0f} a second of CPU, ratio {ratio:.2f}, goal {goal}: {verdict}")
    return ratio >= goal


if __name__ == "__main__":
    sys.exit(main())
