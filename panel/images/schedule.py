"""What is asked about images by the clock: whether their tags have moved at their registries."""

from celery import shared_task
from django.db import transaction

from panel.accounts.actors import Actor
from panel.audit.subject import Subject
from panel.hosts.models import Host
from panel.images import updates
from panel.operations.models import Operation


@shared_task(name="images.ask_for_updates", expires=240)
def ask_for_updates() -> None:
    """Have each host that is there ask about what is due, unless it is still at it."""
    if not updates.EVERY_HOURS:
        return
    for host in Host.objects.exclude(sealing_key=""):
        if host.is_online and not Operation.objects.open().filter(kind=updates.KIND, host=host).exists():
            ask(host)


@transaction.atomic
def ask(host: Host) -> Operation | None:
    """Have the host ask about what is due; None if nothing is."""
    actor = Actor.system("schedule")
    tags = updates.reachable(actor, updates.due(host))
    if not tags:
        return None
    return updates.request(actor=actor, host=host, tags=tags, subject=Subject("host", host.name, host.name))
