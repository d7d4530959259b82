"""The Celery application of the evaluator: takes jobs from the queue `evaluation`."""

from shared.bus.worker import make_worker
from shared.schemas.job import JobKind

app = make_worker(JobKind.EVALUATION, "services.evaluator.run")
