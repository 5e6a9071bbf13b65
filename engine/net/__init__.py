"""Networks of containers: bridges, their addresses, and the containers in them."""

from engine.net.ports import Published
from engine.net.store import NetworkStore

__all__ = ["NetworkStore", "Published"]
