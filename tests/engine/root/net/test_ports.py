"""Ports of the host that lead to containers."""

import http.client
import socket
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import Conflict, ExecSpec, InvalidSpec, NetworkSpec, PublishedPort, Restart, RestartPolicy, Status
from tests.services.host import Host
from tests.services.networks import HOST, HOST_V6, OUTSIDE, OUTSIDE_V6, Outside, answers, ask
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2
SERVER = "while :; do echo hello from $HOSTNAME | nc -l -p 80; done"


@pytest.fixture
def network(host: Host) -> Iterator[str]:
    host.engine.create_network(NetworkSpec("one", ipv6=True))
    yield "one"
    for state in host.engine.states():
        host.engine.remove(state.id, force=True)
    host.engine.remove_network("one")


def to(port: int, inside: int = 80, **more: Any) -> dict[str, Any]:
    return {"ports": (PublishedPort(inside, host_port=port, **more),)}


def host_port(host: Host, container: str) -> int:
    (port,) = host.engine.published(container)
    return port.host_port


def test_a_port_is_reached_from_everywhere_a_client_may_be(host: Host, outside: Outside, network: str) -> None:
    container = host.start("sh", "-c", SERVER, network=network, **to(8080))
    wait_until(lambda: answers(HOST, 8080), "the host's own address leads there")
    wait_until(lambda: answers("127.0.0.1", 8080), "its loopback too")
    wait_until(lambda: outside.run(lambda: answers(HOST, 8080)), "another machine")
    wait_until(lambda: outside.run(lambda: answers(HOST_V6, 8080)), "by IPv6 as well")
    neighbour = f"while ! nc {HOST} 8080 </dev/null; do sleep 0.1; done"
    assert "hello" in host.finish("sh", "-c", neighbour, network=network)[1]
    with host.engine.exec(container, ExecSpec(("sh", "-c", neighbour))) as itself:
        assert itself.wait(20).exit_code == 0


def test_the_clients_address_is_what_the_server_sees(host: Host, outside: Outside, network: str) -> None:
    container = host.start("httpd", "-f", "-vv", "-p", "80", network=network, **to(8080))

    def get(address: str) -> int:
        connection = http.client.HTTPConnection(address, 8080, timeout=3)
        connection.request("GET", "/")
        return connection.getresponse().status

    wait_until(lambda: outside.run(lambda: connects(HOST, 8080)), "it listens")
    for server, client in ((HOST, OUTSIDE), (HOST_V6, OUTSIDE_V6)):
        assert outside.run(partial(get, server)) == http.client.NOT_FOUND
        host.wait_for_output(container, client)


def test_datagrams_go_there_and_back(host: Host, outside: Outside, network: str) -> None:
    container = host.start("sleep", "60", network=network, **to(5353, 53, protocol="udp"))
    pid = host.engine.state(container).pid
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        server = Outside(namespace.fileno()).run(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server, outside.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        server.bind(("", 53))
        server.settimeout(5)
        client.settimeout(5)
        client.sendto(b"ping", (HOST, 5353))
        data, sender = server.recvfrom(100)
        assert (data, sender[0]) == (b"ping", OUTSIDE)
        server.sendto(b"pong", sender)
        assert client.recvfrom(100) == (b"pong", (HOST, 5353))


def test_at_one_address_it_is_reached_there_alone(host: Host, outside: Outside, network: str) -> None:
    host.start("sh", "-c", SERVER, network=network, **to(8080, host_ip="127.0.0.1"))
    wait_until(lambda: answers("127.0.0.1", 8080), "the loopback leads there")
    with pytest.raises(ConnectionRefusedError):
        outside.run(lambda: ask(HOST, 8080))
    other = host.start("sh", "-c", SERVER, network=network, **to(8080, host_ip=HOST))
    wait_until(lambda: other[:12].encode() in said(outside, HOST, 8080), "the other address leads to the other one")


def test_the_hosts_loopback_is_reached_by_nobody_but_the_host(host: Host, outside: Outside, network: str) -> None:
    """A packet for 127.0.0.1 can be sent by anybody near enough, and bridges take such ones (`route_localnet`)."""
    host.start("sh", "-c", SERVER, network=network, **to(8080, host_ip="127.0.0.1"))
    wait_until(lambda: answers("127.0.0.1", 8080), "the host itself reaches it")
    attacker = host.start("sleep", "60", network=network, privileged=True)
    gateway = host.engine.network(network).spec.pools[0].gateway
    with (
        socket.create_server(("127.0.0.1", 9090)),
        Path(f"/proc/{host.engine.state(attacker).pid}/ns/net").open() as namespace,
    ):
        assert connects("127.0.0.1", 9090)
        for where, router, device in ((outside, HOST, "uplink"), (Outside(namespace.fileno()), gateway, "eth0")):
            where.run(partial(aim_at_loopback, router, device))
            for port in (8080, 9090):
                assert not where.run(partial(connects, "127.0.0.1", port)), (router, port)


def aim_at_loopback(router: str, device: str) -> None:
    """Send what is for 127.0.0.1 to another machine."""
    Path(f"/proc/sys/net/ipv4/conf/{device}/route_localnet").write_text("1")
    subprocess.run(["ip", "addr", "flush", "dev", "lo"], check=True)
    subprocess.run(["ip", "route", "add", "127.0.0.1/32", "via", router, "dev", device], check=True)


def test_a_port_that_is_taken_is_told_with_its_owner(host: Host, network: str) -> None:
    owner = host.start("sleep", "60", network=network, **to(8080))
    second = host.create("sleep", "60", network=network, **to(8080))
    with pytest.raises(Conflict, match=f"Port 8080/tcp of this host is published by container {owner[:12]}"):
        host.engine.start(second)
    with pytest.raises(Conflict, match="published by container"):
        host.start("sleep", "60", network=network, **to(8080, host_ip="127.0.0.1"))
    assert host.engine.state(second).status is Status.CREATED
    host.engine.stop(owner, timeout_s=0)
    host.engine.start(second)
    with socket.create_server((HOST, 8081)), pytest.raises(Conflict, match="A program of this host has port 8081/tcp"):
        host.start("sleep", "60", network=network, **to(8081))
    with pytest.raises(Conflict, match=r"no address 10\.1\.2\.3"):
        host.start("sleep", "60", network=network, **to(8082, host_ip="10.1.2.3"))


def test_a_container_that_ended_refuses_at_once_and_its_port_is_free(
    host: Host, outside: Outside, network: str
) -> None:
    container = host.start("sh", "-c", SERVER, network=network, **to(8080))
    wait_until(lambda: outside.run(lambda: answers(HOST, 8080)), "it is reached")
    host.engine.kill(container)
    host.wait(container)
    with pytest.raises(ConnectionRefusedError):
        outside.run(lambda: ask(HOST, 8080))
    assert "elements" not in rules()


def test_a_free_port_is_chosen_at_each_start(host: Host, outside: Outside, network: str) -> None:
    chosen = set()
    for _ in range(3):
        container = host.start("sh", "-c", SERVER, network=network, **to(0))
        port = host_port(host, container)
        wait_until(partial(outside.run, partial(answers, HOST, port)), "it is reached")
        chosen.add(port)
    assert len(chosen) == 3


def test_a_restart_by_policy_keeps_the_port(host: Host, outside: Outside, network: str) -> None:
    policy = RestartPolicy(Restart.ALWAYS)
    script = "echo hello | nc -l -p 80"
    container = host.start("sh", "-c", script, network=network, restart=policy, **to(0))
    port = host_port(host, container)
    for _ in range(3):
        wait_until(lambda: outside.run(lambda: answers(HOST, port)), "it is reached after each restart", timeout_s=20)
    assert host.engine.state(container).restart_count >= 2
    assert host_port(host, container) == port


def test_the_operators_rules_stay_and_come_first(host: Host, outside: Outside, network: str) -> None:
    subprocess.run(["nft", "add", "table", "inet", "mine"], check=True)
    host.start("sh", "-c", SERVER, network=network, **to(8080))
    wait_until(lambda: outside.run(lambda: answers(HOST, 8080)), "it is reached")
    refusal = f"add rule inet moorage-operator forward ip saddr {OUTSIDE} ct status dnat drop"
    subprocess.run(["nft", refusal], check=True)
    try:
        host.engine.repair()
        assert not outside.run(lambda: answers(HOST, 8080))
        assert "table inet mine" in rules()
    finally:
        subprocess.run(["nft", "flush chain inet moorage-operator forward"], check=True)


def test_many_starts_at_once_for_one_port_have_one_winner(host: Host, network: str) -> None:
    containers = [host.create("sleep", "60", network=network, **to(8080)) for _ in range(6)]
    won: list[str] = []

    def start(container: str) -> None:
        try:
            host.engine.start(container)
            won.append(container)
        except Conflict:
            pass

    threads = [threading.Thread(target=start, args=(container,)) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert rules().count(" . 8080 : ") == 2  # by IPv4 and by IPv6


@pytest.mark.parametrize("spec", [{"network": "none"}, {"network": "host"}])
def test_where_there_is_no_network_nothing_is_published(host: Host, spec: dict[str, str]) -> None:
    with pytest.raises(InvalidSpec, match="ports: cannot be published"):
        host.create("true", **spec, **to(8080))


def test_an_internal_network_publishes_nothing(host: Host) -> None:
    host.engine.create_network(NetworkSpec("closed", internal=True))
    with pytest.raises(InvalidSpec, match="ports: the network closed is internal"):
        host.create("true", network="closed", **to(8080))
    host.engine.remove_network("closed")


def said(where: Outside, address: str, port: int) -> bytes:
    try:
        return where.run(lambda: ask(address, port, timeout_s=1))
    except OSError:
        return b""


def connects(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


def rules() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
