"""The broker: how every process of the panel sends and receives tasks. Imports no Django, so host processes may use it.

`app` is the panel's: web sends to hosts with it, the panel worker (`celery -A panel.celery worker -Q panel`, with
DJANGO_SETTINGS_MODULE set) runs the `records` modules of every area, and the agent reports with it.
"""

from celery import Celery
from celery.schedules import crontab

from panel.environment import Environment

ENVIRONMENT = Environment.from_env()

CONNECT_TIMEOUT_S = 2.0
RECORDS = (
    "panel.operations.records",
    "panel.containers.records",
    "panel.hosts.records",
    "panel.operations.beat",
    "panel.distribution.beat",
    "panel.images.schedule",
    "panel.volumes.beat",
)


def configured(name: str, include: tuple[str, ...], *, acks_late: bool, visibility_timeout_s: int) -> Celery:
    """A Celery app on our broker: JSON only, results ignored, one task at a time per free thread.

    A task its worker took and did not acknowledge comes back after `visibility_timeout_s`. Each app keeps its own list
    of those, since whoever listens gives back everything it finds there that is too old by its own measure.
    """
    app = Celery(name, broker=ENVIRONMENT.broker_url, include=list(include))
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=acks_late,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={
            "visibility_timeout": visibility_timeout_s,
            "unacked_key": f"{name}.unacked",
            "unacked_index_key": f"{name}.unacked.index",
            "unacked_mutex_key": f"{name}.unacked.mutex",
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A broker that is down is noticed at once; what could not be sent is sent again by beat.
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0.05, "interval_max": 0.05},
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
    )
    return app


app = configured("moorage.panel", RECORDS, acks_late=True, visibility_timeout_s=15)
app.conf.task_default_queue = "panel"
if ENVIRONMENT.database_url.startswith("sqlite"):
    # Celery closes the database's connection after each task, unless told after how many; to a file it does not break.
    app.conf.update(CELERY_DB_REUSE_MAX=1_000_000)
app.conf.beat_scheduler = "celery.beat:Scheduler"  # in memory: the schedule is these lines, there is no state to keep
app.conf.beat_schedule = {
    "operations.tick": {"task": "operations.tick", "schedule": 5.0},
    "volumes.back_up_due": {"task": "volumes.back_up_due", "schedule": 60.0, "options": {"expires": 50}},
    "images.ask_for_updates": {"task": "images.ask_for_updates", "schedule": 300.0, "options": {"expires": 240}},
    "distribution.tidy": {"task": "distribution.tidy", "schedule": crontab(minute="17")},
}
