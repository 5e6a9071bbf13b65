"""A host agent for uploads."""

from tests.panel.realtime.conftest import agent, engine

__all__ = ["agent", "engine"]
