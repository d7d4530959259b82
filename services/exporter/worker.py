"""The Celery application of the exporter: takes jobs from the queue `export`."""

from shared.bus.worker import make_worker
from shared.schemas.job import JobKind

app = make_worker(JobKind.EXPORT, "services.exporter.run")
