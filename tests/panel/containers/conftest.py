"""A host agent and a container with a log."""

from tests.services.agent import agent, agents, container_id, engine, writer

__all__ = ["agent", "agents", "container_id", "engine", "writer"]
