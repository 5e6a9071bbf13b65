"""Names this area to Django."""

from django.apps import AppConfig


class RegistriesConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.registries"
