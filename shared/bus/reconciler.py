"""Puts right what the death of a process or the loss of Redis left behind, by the same conditional writes."""

import logging

import redis

from shared.bus.doorbell import ring, ringing
from shared.bus.events import try_publish_status
from shared.errors import StudioError
from shared.schemas.base import utc_now
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store.jobs import JobStore
from shared.store.lifecycle import Expire, Refused

log = logging.getLogger(__name__)
_SETTLE_S = 2.0


def reconcile(jobs: JobStore) -> None:
    """Look at every unfinished job once and repair it where needed."""
    unfinished = [job for job in jobs.list() if not job.status.final]
    for job in unfinished:
        if job.status.live:
            _free_if_lost(jobs, job)
    waiting = [job for job in unfinished if job.status is JobStatus.QUEUED]
    for kind in JobKind:
        _ring_again(kind, [job for job in waiting if job.kind is kind])


def _free_if_lost(jobs: JobStore, job: Job) -> None:
    if job.lease_until is None or job.lease_until > utc_now():
        return
    try:
        freed = jobs.apply(job.id, Expire())
    except Refused:
        return
    except (StudioError, OSError) as error:
        log.warning("could not free %s: %s", job.id, error)
        return
    log.warning("%s lost its worker and is %s now", job.id, freed.status)
    try_publish_status(jobs, freed)
    if freed.status is JobStatus.QUEUED:
        ring(freed)


def _ring_again(kind: JobKind, waiting: list[Job]) -> None:
    settled = [job for job in waiting if (utc_now() - job.queued_at).total_seconds() > _SETTLE_S]
    if not settled:
        return
    try:
        heard = ringing(kind)
    except redis.RedisError:
        return
    for job in sorted(settled, key=lambda job: job.queued_at):
        if job.id not in heard:
            log.info("ringing again for %s", job.id)
            ring(job)
