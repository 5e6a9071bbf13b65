"""`manage.py first_run`: makes what a new panel needs, once: secret key, roles' first holder, the local host."""

import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.db import transaction

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.hosts.models import Host
from panel.settings import secret_key

ADMIN = "admin"


class Command(BaseCommand):
    """Idempotent: what is there stays as it is."""

    help = "Prepare a new panel: secret key, user admin, host local. Prints how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing and print how to sign in."""
        folder: Path = settings.PANEL_HOME
        folder.mkdir(parents=True, exist_ok=True)
        secret_key.create(folder / "secret-key")
        self._add_host()
        self._add_admin(folder / "initial-admin-password")

    def _add_host(self) -> None:
        name = settings.ENVIRONMENT.host_name
        with transaction.atomic():
            host, is_new = Host.objects.get_or_create(name=name)
            if is_new:
                subject = Subject("host", host.name, host.name)
                audit.record(actor=Actor.command_line(), action="hosts.add", subject=subject)

    @transaction.atomic
    def _add_admin(self, note: Path) -> None:
        if User.objects.filter(is_active=True, groups__name="admin").exists():
            self._say_sign_in(f"with the password in {note}" if note.exists() else "as before")
            return
        chosen = os.environ.get("MOORAGE_ADMIN_PASSWORD")
        password = chosen or secrets.token_urlsafe(12)
        admin = User.objects.create_user(ADMIN, password=password)
        admin.groups.add(Group.objects.get(name="admin"))
        subject = Subject("user", ADMIN, ADMIN)
        audit.record(actor=Actor.command_line(), action="accounts.create", subject=subject, after={"role": "admin"})
        if chosen:
            self._say_sign_in("with the password from MOORAGE_ADMIN_PASSWORD")
            return
        _write_private(note, password + "\n")
        self._say_sign_in(f"with the password {password} (kept in {note}; change it after signing in)")

    def _say_sign_in(self, how: str) -> None:
        self.stdout.write(f"Sign in at http://{settings.ENVIRONMENT.bind}/ as {ADMIN} {how}.")


def _write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read; an older one of that name is replaced."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
