"""What is written into a container's files about names, given those of the host."""

from pathlib import Path

import pytest

from engine.container import name_files
from engine.spec.container import ContainerSpec, NetworkMode

HOST = """# by hand
nameserver 127.0.0.53
nameserver 192.0.2.1
nameserver ::1
search old.example
search example.org corp
options edns0
options trust-ad
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The /etc of some host."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "resolv.conf").write_text(HOST)
    (tmp_path / "etc" / "hosts").write_text("127.0.0.1 localhost quay")
    return tmp_path / "etc"


def written(etc: Path, name: str, **spec: object) -> str:
    asked = ContainerSpec(**{"name": "x", "image": "i", **spec})  # type: ignore[arg-type]
    name_files.write(etc.parent, asked, "box", host_etc=etc)
    return (etc.parent / name).read_text()


def test_name_servers_on_the_hosts_loopback_are_left_out(etc: Path) -> None:
    expected = "nameserver 192.0.2.1\nsearch example.org corp\noptions edns0 trust-ad\n"
    assert written(etc, "resolv.conf") == expected


def test_in_the_hosts_network_the_file_is_the_hosts_word_for_word(etc: Path) -> None:
    assert written(etc, "resolv.conf", network=NetworkMode.HOST) == HOST
    own = written(etc, "resolv.conf", network=NetworkMode.HOST, dns_search=(".",))
    assert own.splitlines()[0] == "nameserver 127.0.0.53"
    assert "search" not in own


def test_a_lone_dot_means_no_search(etc: Path) -> None:
    assert "search" not in written(etc, "resolv.conf", dns_search=(".",))


def test_a_host_without_these_files_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    assert written(tmp_path / "etc", "resolv.conf") == ""


def test_entries_are_added_after_the_hosts_last_line_in_its_network(etc: Path) -> None:
    text = written(etc, "hosts", network=NetworkMode.HOST, extra_hosts=("a:192.0.2.3",))
    assert text == "127.0.0.1 localhost quay\n192.0.2.3\ta\n"
