"""What a host tells the panel about its operations: tasks on the queue `panel`. Imports no Django."""

import logging
from typing import Any

from kombu.exceptions import OperationalError

from panel.celery import app
from panel.environment import Environment

logger = logging.getLogger(__name__)

FOREVER = {"max_retries": None, "interval_start": 0.05, "interval_step": 0.2, "interval_max": 2.0}


def send(task: str, **arguments: Any) -> bool:
    """Send a report that the next one makes up for; false if the broker does not answer."""
    try:
        _send(task, arguments, retry=False)
    except OperationalError as error:
        logger.warning("%s was not sent, the broker does not answer: %s", task, error)
        return False
    return True


def send_surely(task: str, **arguments: Any) -> None:
    """Send a report that must not be lost: waits for the broker as long as it takes."""
    _send(task, arguments, retry=True, retry_policy=FOREVER)


def _send(task: str, arguments: dict[str, Any], **options: Any) -> None:
    kwargs = {"host": Environment.from_env().host_name, **arguments}
    app.send_task(task, kwargs=kwargs, queue="panel", ignore_result=True, **options)
