"""What stops a panel from starting, and the remedy it tells."""

import socket
from pathlib import Path

import pytest

from panel.environment import Environment
from panel.supervisor import checks
from panel.supervisor.configuration import control_socket
from panel.supervisor.errors import SetupError
from panel.supervisor.folders import USER, ensure_user, folders, prepare_folders
from panel.supervisor.programs import split_bind


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An installation below a folder the panel's user can reach."""
    for part in (tmp_path, *tmp_path.parents[:-2]):
        part.chmod(0o755)
    ensure_user()
    return Environment.from_env({"MOORAGE_HOME": str(tmp_path / "home"), "MOORAGE_RUN": str(tmp_path / "run")})


def test_a_folder_closed_to_the_panels_user_is_named_with_the_remedy(environment: Environment) -> None:
    prepare_folders(environment)
    environment.home.chmod(0o700)

    with pytest.raises(SetupError) as refusal:
        checks.check_readable(environment, Path.cwd())

    assert str(environment.home) in refusal.value.problem
    assert f"chmod o+x {environment.home}" in refusal.value.remedy


def test_an_open_checkout_and_state_folder_pass(environment: Environment) -> None:
    prepare_folders(environment)

    checks.check_readable(environment, Path.cwd())


def test_each_folder_has_its_owner_and_is_closed_to_others_where_it_holds_secrets(environment: Environment) -> None:
    prepare_folders(environment)

    owners = {folder.path.name: folder.path.owner() for folder in folders(environment)}
    assert owners["containers"] == "root"
    assert owners["panel"] == owners["redis"] == owners["registry"] == USER
    assert (environment.home / "panel").stat().st_mode & 0o077 == 0


def test_a_second_panel_on_the_same_run_folder_is_refused(environment: Environment) -> None:
    prepare_folders(environment)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(control_socket(environment)))
        other.listen()

        with pytest.raises(SetupError, match="already running"):
            checks.check_not_running(environment)


def test_a_socket_left_by_a_dead_panel_is_no_obstacle(environment: Environment) -> None:
    prepare_folders(environment)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(control_socket(environment)))

    checks.check_not_running(environment)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Environment.from_env({"MOORAGE_BIND": f"127.0.0.1:{other.getsockname()[1]}"})

        with pytest.raises(SetupError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"):
            checks.check_port_free(taken)


@pytest.mark.parametrize("bind", ["8000", "127.0.0.1", ":8000", "127.0.0.1:0", "127.0.0.1:70000", "host:port"])
def test_an_address_without_host_or_port_is_refused(bind: str) -> None:
    with pytest.raises(SetupError, match="MOORAGE_BIND"):
        split_bind(bind)


def test_an_ipv6_address_is_taken_apart() -> None:
    assert split_bind("[::1]:8000") == ("::1", 8000)
