"""A host agent, and a container whose log the tests write themselves."""

from tests.services.agent import agent, agents, container_id, engine, writer

__all__ = ["agent", "agents", "container_id", "engine", "writer"]
