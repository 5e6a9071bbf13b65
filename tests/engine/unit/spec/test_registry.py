"""How a registry is reached."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine import Credentials, InvalidSpec, RegistryAccess


def test_it_survives_the_way_to_a_host_and_shows_no_secret() -> None:
    access = RegistryAccess("docker.io", Credentials("ada", "hunter2", "t0ken"), mirrors=("https://mirror.example/v2",))

    assert RegistryAccess.from_json(access.to_json()) == access
    assert "hunter2" not in repr(access)
    assert "t0ken" not in repr(access)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "registry"),
        ({"registry": ""}, "registry"),
        ({"registry": "a", "mirrors": ["mirror.example"]}, "mirrors[0]"),
        ({"registry": "a", "mirrors": ["https://ok.example", "ftp://a"]}, "mirrors[1]"),
        ({"registry": "a", "mirrors": ["http://[::1"]}, "mirrors[0]"),
        ({"registry": "a", "mirrors": ["https://me:secret@mirror.example"]}, "mirrors[0]"),
        ({"registry": "a", "ca_certificates": "nonsense"}, "ca_certificates"),
        ({"registry": "a", "ca_certificates": "ä"}, "ca_certificates"),
        ({"registry": "a", "credentials": {"username": "a:b"}}, "credentials.username"),
        ({"registry": "a", "credentials": {"password": "a\r\nHost: b"}}, "credentials.password"),
        ({"registry": "a", "token": "b"}, "token"),
    ],
)
def test_what_no_registry_could_be_reached_by_names_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        RegistryAccess.from_json(given)
    assert refusal.value.field == field


def test_certificates_of_ones_own_are_taken(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test -days 2"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    pem = (tmp_path / "pem").read_text()

    assert RegistryAccess("a", ca_certificates=pem + pem).ca_certificates == pem + pem
