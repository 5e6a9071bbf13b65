"""`manage.py rotate_secrets`: encrypts every secret in the database with a new key."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.secrets import vault
from panel.secrets.fields import renew_all


class Command(BaseCommand):
    """The key before this one stays readable until the next rotation; what was encrypted before that one is not."""

    help = "Encrypt every secret in the database with a new key."

    def handle(self, *args: Any, **options: Any) -> None:
        """Interrupted, it leaves both keys in place: run it again."""
        try:
            self._renew()  # under the newest key and committed, so that the oldest may go
            vault.add_key()
            renewed = self._renew()
        except vault.SecretLost as error:
            raise CommandError(f"{error.message} {error.hint}") from error
        audit.record(actor=Actor.command_line(), action="secrets.rotate", after={"secrets": renewed})
        self.stdout.write(f"{renewed} secrets are encrypted with a new key.")

    @transaction.atomic
    def _renew(self) -> int:
        return sum(renew_all(model) for model in apps.get_models())
