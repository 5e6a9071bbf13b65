"""Names this area to Django."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.operations"
