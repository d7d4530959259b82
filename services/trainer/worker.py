"""The Celery application of the trainer: takes jobs from the queue `training`."""

from shared.bus.worker import make_worker
from shared.schemas.job import JobKind

app = make_worker(JobKind.TRAINING, "services.trainer.run")
