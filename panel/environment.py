"""What `MOORAGE_*` says about where this installation lives, read once by every process; knows no Django."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class InvalidEnvironmentError(Exception):
    """A `MOORAGE_*` variable has a value Moorage cannot work with; the message names it and says what it should be."""


@dataclass(frozen=True)
class Environment:
    """One installation: its folders, its database and broker, its web address and the name of this host.

    `redis_url` is in redis-py's form (`unix:///…`, `redis://…`, `rediss://…`); `broker_url` is the same for Celery.
    """

    home: Path
    run: Path
    redis_url: str
    database_url: str
    bind: str
    host_name: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        """Read the environment, falling back to the defaults of a single machine. Raises `InvalidEnvironmentError`."""
        home = _folder(environ, "MOORAGE_HOME", "/var/lib/moorage")
        run = _folder(environ, "MOORAGE_RUN", "/run/moorage")
        redis_url = environ.get("MOORAGE_REDIS_URL") or f"unix://{run}/redis/redis.sock"
        return cls(
            home=home,
            run=run,
            redis_url=redis_url.replace("redis+socket://", "unix://", 1),
            database_url=environ.get("MOORAGE_DATABASE_URL") or f"sqlite:///{home}/panel/db.sqlite3",
            bind=environ.get("MOORAGE_BIND") or "127.0.0.1:8000",
            host_name=_host_name(environ),
        )

    @property
    def broker_url(self) -> str:
        """`redis_url` the way Celery's transport spells it: a unix socket is `redis+socket://`."""
        return self.redis_url.replace("unix://", "redis+socket://", 1)

    @property
    def agent_socket(self) -> Path:
        """Where the host agent of this machine listens."""
        return self.run / "agent.sock"

    @property
    def sealing_key(self) -> Path:
        """The private key by which this machine's host worker opens what was sealed for it."""
        return self.home / "sealing-key"

    @property
    def observed_socket(self) -> Path:
        """Where a shim names its container after an exit."""
        return self.run / "observed.sock"


def _folder(environ: Mapping[str, str], name: str, default: str) -> Path:
    folder = Path(environ.get(name) or default)
    if not folder.is_absolute():
        raise InvalidEnvironmentError(f"{name} is {str(folder)!r}: give it as an absolute path, such as {default}")
    return folder


def _host_name(environ: Mapping[str, str]) -> str:
    """The host's name becomes part of a queue's name, so it is held to one DNS label."""
    name = environ.get("MOORAGE_HOST") or "local"
    if not _HOST_NAME.fullmatch(name):
        raise InvalidEnvironmentError(
            f"MOORAGE_HOST is {name!r}: use at most 63 small letters, digits and inner hyphens, such as node-1"
        )
    return name
