"""The gateway: REST API, pages, live events, and the reconciler. Never torch.

Started as `uvicorn services.gateway.app:app`, one process.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI

from services.gateway import errors
from services.gateway.api import (
    course,
    dataset_exports,
    datasets,
    docs,
    evaluation,
    events,
    export,
    imports,
    jobs,
    projects,
    revisions,
    splits,
    system,
    tasks,
    training,
)
from services.gateway.live import Hub
from services.gateway.middleware import Observed, SameOrigin
from services.gateway.pages.routes import router as pages
from services.gateway.static import MarkedFiles
from services.gateway.studio import Studio
from services.gateway.thumbnails import Thumbnails
from shared.bus.reconciler import reconcile
from shared.settings import Settings, get_settings
from shared.store.workspace import STALE_AFTER_S, Workspace
from shared.version import VERSION

log = logging.getLogger(__name__)
_STATIC = Path(__file__).parents[2] / "frontend" / "static"
_APIS = (
    tasks,
    projects,
    datasets,
    dataset_exports,
    revisions,
    imports,
    splits,
    training,
    course,
    evaluation,
    export,
    jobs,
    events,
    system,
    docs,
)


def create_app(settings: Settings) -> FastAPI:
    """Return the application for `settings`."""
    workspace = Workspace(settings.workspace)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workspace.prepare()
        _spool_beside(settings.workspace)
        hub = Hub(workspace.jobs, settings)
        app.state.studio = Studio(workspace, settings, hub)
        work = (hub.run(), _reconcile_forever(workspace, settings), _sweep_forever(workspace))
        loops = [asyncio.create_task(loop) for loop in work]
        yield
        tempfile.tempdir = None
        for loop in loops:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop

    app = FastAPI(
        title="AI Studio",
        version=VERSION,
        description="Train, evaluate and export vision models without code, on your own machines.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # What is measured is at /metrics; asking at each request whether somebody listens elsewhere costs time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    errors.install(app)
    for api in _APIS:
        app.include_router(api.router)
    app.include_router(pages)
    app.mount("/static", MarkedFiles(directory=_STATIC), name="static")
    app.add_middleware(Thumbnails, workspace=settings.workspace)
    app.add_middleware(SameOrigin, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(Observed)
    return app


def _spool_beside(workspace: Path) -> None:
    """Let uploads come in on the workspace's disk: the system's folder for temporary files may be memory."""
    folder = workspace / "uploads"
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)


async def _reconcile_forever(workspace: Workspace, settings: Settings) -> None:
    """Repair jobs every few seconds; a fault in one round must not end the loop."""
    while True:
        try:
            await asyncio.to_thread(reconcile, workspace.jobs)
        except Exception:
            log.exception("the reconciler failed this round")
        await asyncio.sleep(settings.reconcile_interval)


async def _sweep_forever(workspace: Workspace) -> None:
    """Let go of uploads and archives that waited too long."""
    while True:
        await asyncio.sleep(STALE_AFTER_S)
        try:
            await asyncio.to_thread(workspace.jobs.sweep, older_than_s=STALE_AFTER_S)
        except Exception:
            log.exception("the sweeper failed this round")


app = create_app(get_settings())
