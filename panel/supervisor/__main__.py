"""`make up` after the set-up: check, prepare, then supervise in the foreground.

With the argument `folders` only the user and the folders are made, for a host whose processes run under systemd.
"""

import os
import subprocess
import sys
from pathlib import Path

from panel.environment import Environment, InvalidEnvironmentError
from panel.supervisor import checks
from panel.supervisor.configuration import supervisord_conf
from panel.supervisor.errors import SetupError
from panel.supervisor.folders import ensure_user, prepare_folders
from panel.supervisor.foreground import supervise
from panel.supervisor.programs import AS_MOORAGE, programs, python

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Start the panel of this environment; returns when it was asked to stop."""
    try:
        run = prepare_host if arguments == ["folders"] else start
        run(Environment.from_env())
    except SetupError as error:
        return refuse(error.problem, error.remedy)
    except InvalidEnvironmentError as error:
        return refuse(str(error))
    return 0


def refuse(*lines: str) -> int:
    """Say why there is no panel; the exit status."""
    sys.stderr.write("moorage: " + "\n         ".join(lines) + "\n")
    return 1


def start(environment: Environment) -> None:
    """Everything in order: nothing is written before the checks that need nothing have passed."""
    checks.check_socket_paths(environment)
    checks.check_not_running(environment)
    checks.check_port_free(environment)
    prepare_host(environment)
    checks.check_readable(environment, CHECKOUT)
    prepare_database()
    supervise(write_configuration(environment))


def prepare_host(environment: Environment) -> None:
    """The user and the folders, as root."""
    checks.check_root()
    ensure_user()
    prepare_folders(environment)


def prepare_database() -> None:
    """Migrations and the first administrator, as the panel's user."""
    done = subprocess.run([*AS_MOORAGE, *python("panel.supervisor.database")], cwd=CHECKOUT, check=False)
    if done.returncode:
        raise SetupError("the database could not be prepared", remedy="the reason stands above")


def write_configuration(environment: Environment) -> Path:
    """supervisord's configuration file for this environment."""
    path = environment.run / "supervisor" / "supervisord.conf"
    text = supervisord_conf(environment, programs(environment), CHECKOUT)
    path.write_text(text)
    os.chmod(path, 0o600)
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
