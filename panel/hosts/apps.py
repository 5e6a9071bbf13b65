"""Names this area to Django."""

from django.apps import AppConfig


class HostsConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.hosts"
