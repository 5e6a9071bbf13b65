"""The panel's tests once more, on the database production uses."""

import os
import subprocess
import sys

import pytest

# Those that ask the database for nothing, or only for the one container whose log they read.
WITHOUT_A_DATABASE = (
    *("supervisor", "agent", "realtime", "test_environment.py", "containers/test_logs.py"),
    *("pages/test_wording.py", "pages/test_static_files.py"),
)
# What clients send and get; tests/panel/distribution/test_collection.py pushes to this database as well.
ON_THE_WIRE = tuple(
    f"distribution/test_{name}.py"
    for name in ("push_and_pull", "streaming", "real_clients", "lists", "access", "conformance")
)


@pytest.mark.timeout(240)
def test_the_panels_tests_pass_on_postgresql(postgres_server: str) -> None:
    # --reuse-db keeps the database at the end: the server goes with it, whoever may still be connected.
    command = [sys.executable, "-m", "pytest", "tests/panel", "-q", "-p", "no:cacheprovider", "--reuse-db"]
    command += [f"--deselect=tests/panel/{name}" for name in (*WITHOUT_A_DATABASE, *ON_THE_WIRE)]
    variables = os.environ | {"MOORAGE_TEST_DATABASE_URL": postgres_server}

    done = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
