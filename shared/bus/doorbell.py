"""Ringing for a worker. A lost ring is repeated by the reconciler, a doubled one finds nothing to claim.

A ring names a job only so that it is known whether one is on its way; the worker takes the first that waits.
"""

import base64
import logging

import orjson
import redis
from celery.exceptions import OperationalError as CeleryError
from kombu.exceptions import OperationalError as KombuError

from shared.bus.celery_app import TASK_NAME, celery_app
from shared.bus.connection import connection
from shared.schemas.job import Job, JobKind

log = logging.getLogger(__name__)


def ring(job: Job) -> bool:
    """Announce a queued job to its queue; False when Redis cannot be reached."""
    try:
        connection().ping()  # says no at once, where Celery's own client would try for seconds
        celery_app.send_task(
            TASK_NAME.format(kind=job.kind),
            args=[job.id],
            task_id=f"{job.id}.{job.epoch}",
            queue=job.kind.value,
            retry=False,
        )
    except (CeleryError, KombuError, redis.RedisError, OSError) as error:
        log.warning("Redis is away; %s starts when it is back (%s)", job.id, error)
        return False
    return True


def ringing(kind: JobKind) -> set[str]:
    """Return the ids of jobs whose ring still waits in the queue of `kind`.

    One that a busy worker has fetched ahead does not count: another worker may be free.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    return {_job_id(orjson.loads(item)) for item in connection().lrange(kind.value, 0, -1)}


def _job_id(message: dict[str, object]) -> str:
    body = orjson.loads(base64.b64decode(str(message["body"])))
    return str(body[0][0])
