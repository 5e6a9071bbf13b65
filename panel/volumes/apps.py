"""Names this area to Django."""

from django.apps import AppConfig


class VolumesConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.volumes"
