"""The Celery application of the importer: takes jobs from the queue `import`."""

import threading
from typing import Any

from celery.signals import worker_ready

from services.importer import leftovers
from shared.bus.worker import make_worker
from shared.schemas.job import JobKind
from shared.settings import get_settings
from shared.store.workspace import Workspace

app = make_worker(JobKind.IMPORT, "services.importer.run")


@worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
def clear(**_: Any) -> None:
    """Remove what imports that were killed left; beside the work, since looking through images takes a while."""
    workspace = Workspace(get_settings().workspace)
    threading.Thread(target=leftovers.sweep, args=(workspace,), daemon=True, name="leftovers").start()
