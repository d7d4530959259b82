"""The Celery application of every service. Messages are doorbells: they carry a job id and no truth."""

from celery import Celery

from shared.schemas.job import JobKind
from shared.settings import get_settings

TASK_NAME = "studio.{kind}"


def make_celery(redis_url: str) -> Celery:
    """Return an application that talks to `redis_url`."""
    app = Celery("ai_studio", broker=redis_url)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        task_default_queue="unused",
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_keepalive": True,
            "health_check_interval": 15,
            "socket_connect_timeout": 3,
            "retry_on_timeout": True,
        },
        task_routes={TASK_NAME.format(kind=kind): {"queue": kind.value} for kind in JobKind},
    )
    return app


celery_app = make_celery(get_settings().redis_url)
