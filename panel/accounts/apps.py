"""Wires the area up: roles after each migration, sign-ins into the audit log."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.accounts"

    def ready(self) -> None:
        from panel.accounts import roles, signals  # noqa: PLC0415 - models are not loaded before ready()

        post_migrate.connect(roles.seed, dispatch_uid="moorage-roles")
        signals.connect()
