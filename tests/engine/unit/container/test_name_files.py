"""What is written into a container's files about names, given those of the host."""

import json
import os
import time
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


def prepared(etc: Path, **spec: object) -> Path:
    """The folder of a container that was created a while ago."""
    asked = ContainerSpec(**{"name": "x", "image": "i", **spec})  # type: ignore[arg-type]
    name_files.write(etc.parent, asked, "box", host_etc=etc)
    (etc.parent / "spec.json").write_text(json.dumps(asked.to_json()))
    return etc.parent


def change_host(etc: Path, text: str) -> None:
    (etc / "resolv.conf").write_text(text)
    later = time.time() + 5
    os.utime(etc / "resolv.conf", (later, later))


def test_a_change_of_the_hosts_name_servers_reaches_a_container_at_its_next_start(etc: Path) -> None:
    folder = prepared(etc, extra_hosts=("a:192.0.2.3",))
    hosts = (folder / "hosts").read_text()
    change_host(etc, "nameserver 192.0.2.99\n")
    name_files.refresh(folder, host_etc=etc)
    assert (folder / "resolv.conf").read_text() == "nameserver 192.0.2.99\n"
    assert (folder / "hosts").read_text() == hosts


def test_what_a_container_wrote_itself_or_was_told_stays(etc: Path) -> None:
    folder = prepared(etc)
    (folder / "resolv.conf").write_text("# mine\n")
    change_host(etc, "nameserver 192.0.2.99\n")
    name_files.refresh(folder, host_etc=etc)
    assert (folder / "resolv.conf").read_text() == "# mine\n"
    folder = prepared(etc, dns=("192.0.2.5",), dns_search=(".",))
    change_host(etc, "nameserver 192.0.2.98\n")
    name_files.refresh(folder, host_etc=etc)
    assert (folder / "resolv.conf").read_text() == "nameserver 192.0.2.5\n"


def test_nothing_is_written_while_the_host_did_not_change(etc: Path) -> None:
    folder = prepared(etc)
    before = os.stat(folder / "resolv.conf").st_mtime_ns
    name_files.refresh(folder, host_etc=etc)
    assert os.stat(folder / "resolv.conf").st_mtime_ns == before
