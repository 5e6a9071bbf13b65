"""Registers the dashboard's area."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The app of the first page; it has no tables."""

    name = "panel.dashboard"
