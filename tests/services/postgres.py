"""A real PostgreSQL on a private socket, without TCP."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import chown
from urllib.parse import quote

import psycopg
import pytest

from tests.services.processes import running

PROGRAMS = "/usr/lib/postgresql/*/bin/postgres"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A database URL (`postgresql://postgres@…/postgres`) of a server that lives as long as the test run."""
    with tempfile.TemporaryDirectory(prefix="moorage-pg-") as name:
        folder = Path(name)
        chown(folder, "postgres", "postgres")
        data, programs = folder / "data", newest_programs()
        initdb = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, user="postgres", group="postgres", cwd="/", check=True, capture_output=True)
        settings = {"listen_addresses": "", "unix_socket_directories": name, "fsync": "off", "shared_buffers": "32MB"}
        command = [str(programs / "postgres"), "-D", str(data)]
        command += [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with running(command, log=folder / "log", answers=lambda: _answers(folder), user="postgres"):
            yield f"postgresql://postgres@{quote(name, safe='')}/postgres"


def newest_programs() -> Path:
    """The folder of PostgreSQL's server programs, the highest version that is installed."""
    found = [path.parent for path in Path("/").glob(PROGRAMS.lstrip("/"))]
    assert found, f"no PostgreSQL server is installed ({PROGRAMS})"
    return max(found, key=lambda folder: int(folder.parent.name))


def _answers(folder: Path) -> bool:
    try:
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
