"""Names this area to Django."""

from django.apps import AppConfig


class DistributionConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.distribution"
