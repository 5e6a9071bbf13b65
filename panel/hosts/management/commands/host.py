"""`manage.py host forget-key NAME`: lets a host that was set up anew tell its key again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.hosts.models import Host


class Command(BaseCommand):
    """Only for who holds the database: whoever's key is learnt next is sent the secrets of this host's operations."""

    help = "Forget the sealing key of a host; the next one it tells is believed."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verb and the host."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("forget-key", help="believe the next key this host tells").add_argument("name")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Takes effect with the host's next full report: at its worker's start, or within five minutes."""
        host = Host.objects.select_for_update().filter(pk=options["name"]).first()
        if host is None:
            raise CommandError(f"there is no host {options['name']}")
        host.sealing_key = ""
        host.save(update_fields=["sealing_key"])
        subject = Subject("host", host.name, host.name)
        audit.record(actor=Actor.command_line(), action="hosts.forget_key", subject=subject)
        self.stdout.write(f"The next key that {host.name} tells is believed.")
