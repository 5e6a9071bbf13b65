"""The host worker: `celery -A panel.host_worker worker -Q host.<name>`, one engine verb per task, without Django.

When it is ready it repairs what a crash left half done and tells the panel everything; then it says every few seconds
that it lives, and every few minutes everything again, should a word have been lost.
"""

import logging
import threading
from datetime import UTC, datetime
from typing import Any

from celery.signals import worker_ready

from panel.celery import configured
from panel.environment import Environment
from panel.hosts.report import send_report
from panel.operations import alive, reports
from panel.operations.host import journal
from panel.operations.work import host_engine

logger = logging.getLogger(__name__)

HEARTBEAT_EVERY_BEATS = 2
REPORT_EVERY_BEATS = 150  # five minutes
PRUNE_EVERY_BEATS = 1800  # an hour
TASKS = (
    "panel.containers.tasks",
    "panel.files.tasks",
    "panel.images.tasks",
    "panel.registries.tasks",
    "panel.volumes.tasks",
)

# Taken off the broker when it begins: after a crash the panel sends it again, so the broker need not.
app = configured("moorage.host", TASKS, acks_late=False, visibility_timeout_s=3600)


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    """Repair and report, beside the tasks that come in already."""
    threading.Thread(target=_live, name="heartbeat", daemon=True).start()


def _live() -> None:
    engine = host_engine()
    try:
        engine.repair()
        send_report(engine)
    except Exception:
        # Without this thread the host would look dead; its tasks work, or fail with causes of their own.
        logger.exception("what a crash may have left was not repaired, or the panel was not told")
    alive.every(alive.SAY_EVERY_S, _beat)


def _beat(number: int) -> None:
    alive.say(f"host.{Environment.from_env().host_name}")
    if number % HEARTBEAT_EVERY_BEATS == 0:
        reports.send("hosts.heartbeat", at=datetime.now(UTC).isoformat())
    if number and number % REPORT_EVERY_BEATS == 0:
        send_report(host_engine())
    if number % PRUNE_EVERY_BEATS == 0:
        journal().prune()
