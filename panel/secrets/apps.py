"""Names this area to Django."""

from django.apps import AppConfig


class SecretsConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.secrets"
