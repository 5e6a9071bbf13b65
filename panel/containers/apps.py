"""Names this area to Django."""

from django.apps import AppConfig


class ContainersConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.containers"
