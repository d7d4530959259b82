"""What Prometheus is told."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from shared.schemas.job import Job, JobKind, JobStatus

REQUESTS = Counter("studio_http_requests_total", "HTTP requests", ["method", "status"])
LATENCY = Histogram("studio_http_request_seconds", "Time to the first byte of the answer", ["method"])
JOBS = Gauge("studio_jobs", "Jobs by kind and status", ["kind", "status"])


def set_job_counts(jobs: Iterable[Job]) -> None:
    """Set the job gauges."""
    tally = Tally((job.kind, job.status) for job in jobs)
    for kind in JobKind:
        for status in JobStatus:
            JOBS.labels(kind.value, status.value).set(tally[kind, status])
