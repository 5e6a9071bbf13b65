"""What must hold before a panel starts, each with its remedy, so that it stops at once and not half-way."""

import os
import pwd
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from panel.environment import Environment
from panel.supervisor.configuration import control_socket
from panel.supervisor.errors import SetupError
from panel.supervisor.folders import USER
from panel.supervisor.programs import split_bind

LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), without its final zero byte


def check_root() -> None:
    """The host side sets up namespaces and cgroups: only root can."""
    if os.geteuid():
        raise SetupError("Moorage starts containers, which needs root", remedy="run `sudo make up`")


def check_socket_paths(environment: Environment) -> None:
    """A container's own socket is the longest path under the run folder."""
    longest = environment.run / "containers" / ("0" * 64) / "shim.sock"
    if len(os.fsencode(longest)) > LONGEST_SOCKET_PATH:
        raise SetupError(f"MOORAGE_RUN={environment.run} is too long for unix sockets", remedy="choose a shorter path")


def check_not_running(environment: Environment) -> None:
    """One panel per run folder: the supervisor of another one would answer on its socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(control_socket(environment)))
        except OSError:
            return
    raise SetupError(
        f"a panel is already running on MOORAGE_RUN={environment.run}",
        remedy="stop that one, or give this one MOORAGE_HOME, MOORAGE_RUN and MOORAGE_BIND of its own",
    )


def check_port_free(environment: Environment) -> None:
    """The address of the web process can be bound."""
    host, port = split_bind(environment.bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = "stop what listens there, or set MOORAGE_BIND, for instance MOORAGE_BIND=127.0.0.1:8001"
            raise SetupError(f"cannot listen on {environment.bind}: {error.strerror}", remedy=remedy) from error


def check_readable(environment: Environment, checkout: Path) -> None:
    """The panel's user can reach its code, its interpreter and its state."""
    interpreter = Path(sys.executable)
    wanted = [checkout / "manage.py", checkout / "panel", interpreter, interpreter.resolve(), Path(sys.prefix) / "lib"]
    wanted += [environment.home / "panel", environment.run]
    with as_user(USER):
        for path in wanted:
            check_path_readable(path)


def check_path_readable(path: Path) -> None:
    """The effective user can read `path`; SetupError names the first part of it that stands in the way."""
    for part in way_to(path):
        if not os.access(part, os.X_OK, effective_ids=True):
            remedy = f"move it to where {USER} may go, such as /opt/moorage, or run `chmod o+x {part}`"
            raise SetupError(f"user {USER} cannot reach {path}: {part} is closed to it", remedy=remedy)
    if not os.access(path, os.R_OK, effective_ids=True):
        raise SetupError(f"user {USER} cannot read {path}", remedy=f"run `chmod -R o+rX {path}`")


def way_to(path: Path) -> Iterable[Path]:
    """The folders to pass on the way to a path, from the root on."""
    return reversed(path.absolute().parents)


@contextmanager
def as_user(name: str) -> Iterator[None]:
    """Be this user, to the kernel's file checks, for a moment; then root again."""
    account, groups = pwd.getpwnam(name), os.getgroups()
    os.setgroups([])
    os.setegid(account.pw_gid)
    os.seteuid(account.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
