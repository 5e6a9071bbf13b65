"""The table of processes: what each runs, as whom, and in which order they start and stop."""

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from panel.environment import Environment
from panel.supervisor.errors import SetupError
from panel.supervisor.folders import USER

REDIS_SERVERS: Final = ("redis-server", "valkey-server")
DATABASE_VARIABLES: Final = ("MOORAGE_DATABASE_URL", "MOORAGE_ADMIN_PASSWORD", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Program:
    """One supervised process. `priority` orders the start; the stop goes the other way round."""

    name: str
    command: tuple[str, ...]
    priority: int
    is_root: bool = False
    is_once: bool = False
    owns_containers: bool = False
    """Its children outlive it: a stop or a death of it must touch nothing but itself."""
    stop_s: int = 10

    def argv(self) -> tuple[str, ...]:
        """The command behind `setpriv`, which ties it to the supervisor's life and drops what it may not have."""
        if self.is_root:
            unset = (part for variable in DATABASE_VARIABLES for part in ("-u", variable))
            return ("setpriv", "--pdeathsig", "TERM", "env", *unset, *self.command)
        return (*AS_MOORAGE, "--pdeathsig", "TERM", *self.command)


AS_MOORAGE: Final = ("setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--no-new-privs")


def programs(environment: Environment) -> list[Program]:
    """Every process of this panel, in the order in which they start."""
    return [
        *([redis(environment)] if is_redis_embedded() else []),
        launcher(environment),
        Program("agent", python("panel.agent"), 300, is_root=True),
        host_worker(environment),
        panel_worker(),
        web(environment),
        Program("ready", python("panel.supervisor.ready"), 900, is_once=True),
    ]


def is_redis_embedded() -> bool:
    """Whether the broker is ours to run; an operator's own is named by MOORAGE_REDIS_URL."""
    return not os.environ.get("MOORAGE_REDIS_URL")


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """A Python module of this checkout as a command."""
    return (sys.executable, "-m", module, *arguments)


def celery(*arguments: str) -> tuple[str, ...]:
    """A Celery worker that says little and talks to no other worker."""
    silences = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    return (*python("celery", "-q"), *arguments, *silences)


def redis(environment: Environment) -> Program:
    """The embedded broker: a unix socket, no TCP port, an append-only file so that queued operations survive it."""
    server = first_installed(REDIS_SERVERS)
    settings = {
        "port": "0",
        "unixsocket": str(redis_socket(environment)),
        "unixsocketperm": "600",
        "dir": str(environment.home / "redis"),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return Program("redis", (server, *(part for key, value in settings.items() for part in (f"--{key}", value))), 100)


def redis_socket(environment: Environment) -> Path:
    """Where the embedded broker listens."""
    return environment.run / "redis" / "redis.sock"


def first_installed(names: Iterable[str]) -> str:
    """The path of the first of these programs that is installed; SetupError if none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    wanted = " or ".join(names)
    raise SetupError(f"no {wanted} is installed", remedy="install one, or name your own by MOORAGE_REDIS_URL")


def launcher(environment: Environment) -> Program:
    """The forker of shims and containers; without `site`, since its size is paid for by every shim."""
    socket = str(environment.run / "launcher.sock")
    command = (sys.executable, "-S", "-m", "engine.launcher", socket)
    return Program("launcher", command, 200, is_root=True, owns_containers=True)


def host_worker(environment: Environment) -> Program:
    """Lifecycle operations of this host, as root and without Django."""
    queue = f"host.{environment.host_name}"
    arguments = ("-A", "panel.host_worker", "worker", "-Q", queue, "-n", f"{queue}@%h")
    pool = ("--pool", "threads", "--concurrency", "8")
    # Celery warns of root because of pickle; this worker takes JSON only, and containers need root.
    warnings = ("env", "PYTHONWARNINGS=ignore:You're running the worker with superuser privileges")
    return Program("host-worker", (*warnings, *celery(*arguments, *pool)), 400, is_root=True)


def panel_worker() -> Program:
    """Writes down what hosts report; beat runs inside it, so there is one of it per panel."""
    arguments = ("-A", "panel.celery", "worker", "-Q", "panel", "-n", "panel@%h")
    pool = ("--pool", "threads", "--concurrency", "4")
    settings = ("env", "DJANGO_SETTINGS_MODULE=panel.settings")
    return Program("panel-worker", (*settings, *celery(*arguments, *pool)), 500)


def web(environment: Environment) -> Program:
    """Pages, REST and WebSockets."""
    host, port = split_bind(environment.bind)
    arguments = ["panel.asgi:application", "--host", host, "--port", str(port), "--no-access-log"]
    arguments += ["--log-level", "warning", "--timeout-graceful-shutdown", "3", "--no-server-header"]
    if not os.environ.get("FORWARDED_ALLOW_IPS"):
        # Otherwise anyone on this machine could write an address of their choice into the audit log.
        arguments.append("--no-proxy-headers")
    return Program("web", python("uvicorn", *arguments), 600)


def split_bind(bind: str) -> tuple[str, int]:
    """`127.0.0.1:8000` or `[::1]:8000` as host and port; SetupError if it is neither."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SetupError(f"MOORAGE_BIND={bind} is not HOST:PORT", remedy="set it to something like 127.0.0.1:8000")
    return host.strip("[]"), int(port)
