"""The Celery application of the importer: takes jobs from the queue `import`."""

from shared.bus.worker import make_worker
from shared.schemas.job import JobKind

app = make_worker(JobKind.IMPORT, "services.importer.run")
