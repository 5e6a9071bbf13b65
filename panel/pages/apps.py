"""Registers the shared template tags."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """The app of what all pages share; it has no tables."""

    name = "panel.pages"
