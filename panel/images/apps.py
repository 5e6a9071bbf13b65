"""Names this area to Django."""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.images"
