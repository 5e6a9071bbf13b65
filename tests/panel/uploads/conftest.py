"""A host agent for uploads."""

from tests.services.agent import agent, agents, engine

__all__ = ["agent", "agents", "engine"]
