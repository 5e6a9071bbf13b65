"""Names this area to Django."""

from django.apps import AppConfig


class VolumesConfig(AppConfig):
    """Django's handle on this area."""

    name = "panel.volumes"

    def ready(self) -> None:
        """What the end of an operation means here is heard from now on."""
        import panel.volumes.endings  # noqa: F401, PLC0415 - models are there only now
