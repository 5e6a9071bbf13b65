"""What is asked about volumes by the clock: backups that are due."""

from celery import shared_task
from django.db import transaction

from panel.hosts.models import Host
from panel.volumes import schedules


@shared_task(name="volumes.back_up_due", expires=50)
def back_up_due() -> None:
    """Have each host that is there make what is due. Of one that is not, it stays due."""
    for host in Host.objects.all():
        if host.is_online:
            with transaction.atomic():
                for row in schedules.due(host):
                    schedules.begin(row)
