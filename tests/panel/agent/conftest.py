"""A host agent, and a container whose log the tests write themselves."""

from tests.services.agent import agent, container_id, engine, writer

__all__ = ["agent", "container_id", "engine", "writer"]
