"""The processes that make up the studio."""

from pathlib import Path

from scripts.studio.processes import Service
from scripts.studio.redis_server import configuration

WORKERS = {
    "importer": "import",
    "trainer": "training",
    "evaluator": "evaluation",
    "exporter": "export",
    "previewer": "preview",
}
"""The queue of each worker service."""
_SSE_END_S = 3


def redis_service(server: Path, port: int, password: str, folder: Path) -> Service:
    """Return our own Redis."""
    return Service("redis", (str(server), "-"), configuration(port, password, folder))


def gateway_service(python: Path, host: str, port: int) -> Service:
    """Return the gateway; connections that stay open by design do not hold up its end."""
    app = "services.gateway.app:app"
    listen = ("--host", host, "--port", str(port), "--timeout-graceful-shutdown", str(_SSE_END_S))
    return Service("gateway", (str(python), "-m", "uvicorn", app, *listen, "--no-access-log"))


def worker_services(python: Path) -> list[Service]:
    """Return the workers."""
    return [_worker(python, name, queue) for name, queue in WORKERS.items()]


def _worker(python: Path, name: str, queue: str) -> Service:
    celery = (str(python), "-m", "celery", "--app", f"services.{name}.worker", "worker")
    pool = ("--queues", queue, "--pool", "prefork", "--concurrency", "1", "--hostname", f"{name}@%h")
    quiet = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")
    return Service(name, (*celery, *pool, *quiet))


def flower_service(python: Path, port: int) -> Service:
    """Return Flower, reachable from this machine only."""
    celery = (str(python), "-m", "celery", "--app", "shared.bus.celery_app", "flower")
    return Service("flower", (*celery, "--address=127.0.0.1", f"--port={port}", "--persistent=False"))
