"""The engine's tests on the real kernel: they need root, and run the same on cgroup v1, hybrid and v2 hosts."""

from tests.services.host import host

__all__ = ["host"]
