"""Names this area to Django."""

from django.apps import AppConfig


class RestConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.rest"
