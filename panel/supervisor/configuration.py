"""Writes the table of processes down as supervisord's configuration."""

import shlex
from configparser import RawConfigParser
from io import StringIO
from pathlib import Path

from panel.environment import Environment
from panel.supervisor.programs import Program

RESTARTS_BEFORE_GIVING_UP = 1000  # the pause grows by a second each time, so this is about six days


def supervisord_conf(environment: Environment, table: list[Program], checkout: Path) -> str:
    """supervisord's configuration file for these programs, all started in the checkout's folder."""
    folder = environment.run / "supervisor"
    ini = RawConfigParser()
    ini["supervisord"] = {
        "nodaemon": "true",
        "silent": "true",
        "user": "root",
        "directory": literal(checkout),
        "logfile": literal(folder / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "pidfile": literal(folder / "supervisord.pid"),
        "childlogdir": literal(folder),
    }
    ini["unix_http_server"] = {"file": literal(control_socket(environment)), "chmod": "0600"}
    ini["supervisorctl"] = {"serverurl": f"unix://{literal(control_socket(environment))}"}
    ini["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for program in table:
        ini[f"program:{program.name}"] = section(program)
    text = StringIO()
    ini.write(text)
    return text.getvalue()


def control_socket(environment: Environment) -> Path:
    """Where supervisorctl reaches the supervisor of this panel."""
    return environment.run / "supervisor" / "supervisor.sock"


def section(program: Program) -> dict[str, str]:
    """One program's section: its output goes to the supervisor's own, a death is answered by a new start."""
    is_group = "false" if program.owns_containers or program.is_once else "true"
    return {
        "command": literal(shlex.join(program.argv())),
        "priority": str(program.priority),
        "autorestart": "false" if program.is_once else "true",
        "startsecs": "0" if program.is_once else "2",
        "startretries": str(RESTARTS_BEFORE_GIVING_UP),
        "stopwaitsecs": str(program.stop_s),
        "killasgroup": is_group,
        "redirect_stderr": "true",
        "stdout_logfile": "NONE",
        "stdout_events_enabled": "true",
    }


def literal(value: str | Path) -> str:
    """The value as supervisord reads it back: it expands `%(name)s`, so a percent sign is doubled."""
    return str(value).replace("%", "%%")
