"""Names this area to Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.audit"
