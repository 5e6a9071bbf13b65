"""Names this area to Django."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    """Django's handle on this area; it has no tables."""

    name = "panel.files"
