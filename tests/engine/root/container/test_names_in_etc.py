"""A container's own /etc/hosts, /etc/hostname and /etc/resolv.conf."""

from pathlib import Path

from engine import Mount, MountType, NetworkMode
from tests.services.host import Host


def test_a_container_knows_localhost_its_name_and_what_it_was_told(host: Host) -> None:
    _, output = host.finish(
        *("cat", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"),
        hostname="pier",
        extra_hosts=("db:192.0.2.7", "six:[2001:db8::1]"),
        dns=("192.0.2.53",),
        dns_search=("example.org", "corp"),
        dns_options=("ndots:2",),
    )
    lines = output.splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-6:] == [
        *("192.0.2.7\tdb", "2001:db8::1\tsix", "pier"),
        *("nameserver 192.0.2.53", "search example.org corp", "options ndots:2"),
    ]


def test_they_can_be_written_where_the_root_can_and_stay_the_containers_own(host: Host) -> None:
    state, _ = host.finish("sh", "-c", "echo 192.0.2.9 new >> /etc/hosts")
    assert (host.home / "containers" / state.id / "hosts").read_text().endswith("192.0.2.9 new\n")
    assert "192.0.2.9" not in Path("/etc/hosts").read_text()
    for name in ("hosts", "hostname", "resolv.conf"):
        state, output = host.finish("sh", "-c", f"echo new > /etc/{name}", read_only=True)
        assert (state.exit_code, "Read-only file system" in output) == (1, True)


def test_in_the_hosts_network_they_say_what_the_hosts_say(host: Host) -> None:
    _, output = host.finish("cat", "/etc/hosts", "/etc/resolv.conf", network=NetworkMode.HOST)
    assert output == Path("/etc/hosts").read_text() + Path("/etc/resolv.conf").read_text()


def test_a_file_mounted_there_takes_their_place(host: Host, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine\n")
    _, output = host.finish("cat", "/etc/hosts", mounts=(Mount(MountType.BIND, "/etc/hosts", str(tmp_path / "mine")),))
    assert output == "mine\n"


def test_the_usual_mounts_leave_nothing_in_the_writable_layer(host: Host) -> None:
    container = host.start("true")
    host.wait(container)
    assert list((host.home / "containers" / container / "upper").iterdir()) == []
    assert list(host.engine.diff(container)) == []
