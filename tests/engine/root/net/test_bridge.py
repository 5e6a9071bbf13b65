"""Containers in networks of one host: whom they reach, and who reaches them."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import (
    Conflict,
    EndpointSpec,
    InvalidSpec,
    NetworkSpec,
    Pool,
    PublishedPort,
    Restart,
    RestartPolicy,
    Unsupported,
)
from tests.services.host import Host
from tests.services.networks import HOST, OUTSIDE, Outside, answers, ask
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2
SERVER = "while :; do echo hello from $HOSTNAME | nc -l -p 80; done"
PING = "ping -c 1 -W 1 {} >/dev/null 2>&1 && echo reached {} || echo missed {}"


@pytest.fixture
def network(host: Host) -> Iterator[str]:
    name = "one"
    host.engine.create_network(NetworkSpec(name, ipv6=True))
    yield name
    for state in host.engine.states():
        host.engine.remove(state.id, force=True)
    host.engine.remove_network(name)


def pings(host: Host, *addresses: str, **spec: Any) -> list[str]:
    script = "; ".join(PING.format(address, address, address) for address in addresses)
    _, output = host.finish("sh", "-c", script, **spec)
    return [line.split()[0] for line in output.splitlines()]


def addresses_of(host: Host, container: str) -> list[str]:
    network = next(one for one in host.engine.networks() if container in one.containers)
    place = host.engine._runtime.networks.endpoint(network.id, container)
    return [text.partition("/")[0] for text in place.addresses]


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if name.startswith("mr4")}


@pytest.mark.parametrize(
    "rights", [{}, {"userns": "host"}, {"privileged": True}], ids=["own-ids", "host-ids", "privileged"]
)
def test_containers_of_a_network_reach_each_other_and_the_world(
    host: Host, network: str, rights: dict[str, Any]
) -> None:
    other = addresses_of(host, host.start("sleep", "60", network=network))
    gateway = host.engine.network(network).spec.pools[0].gateway
    found = pings(host, *other, gateway, HOST, OUTSIDE, network=network, **rights)
    assert found == ["reached"] * 5


def test_a_container_knows_its_own_address_by_its_name(host: Host, network: str) -> None:
    container = host.start("sh", "-c", "cat /etc/hosts; ip -o addr show eth0; sleep 60", network=network, hostname="me")
    host.wait_for_output(container, "inet6 fe80")
    four, six = addresses_of(host, container)
    assert f"{four}\tme\n{six}\tme\n" in host.output(container)
    assert f"inet {four}/20" in host.output(container)
    assert f"inet6 {six}/64" in host.output(container)


def test_what_is_asked_of_a_place_is_so(host: Host) -> None:
    pool = Pool("10.99.0.0/24", gateway="10.99.0.9", ip_range="10.99.0.64/26", aux_addresses={"printer": "10.99.0.64"})
    host.engine.create_network(NetworkSpec("asked", pools=(pool,), mtu=1400))
    try:
        place = EndpointSpec("asked", ipv4="10.99.0.5", mac="02:00:00:00:00:05")
        script = "ip addr show eth0; ip route"
        _, output = host.finish("sh", "-c", script, network="asked", networks=(place,))
        for part in ("10.99.0.5/24", "02:00:00:00:00:05", "mtu 1400", "default via 10.99.0.9"):
            assert part in output
        free = host.create("true", network="asked")
        assert addresses_of(host, free) == ["10.99.0.65"]
        with pytest.raises(Conflict, match=r"10\.99\.0\.5 is taken"):
            host.create("true", network="asked", networks=(place,))
        with pytest.raises(InvalidSpec, match=r"networks\[0\].ipv4: .*no address within"):
            host.create("true", network="asked", networks=(EndpointSpec("asked", ipv4="10.98.0.5"),))
        with pytest.raises(Conflict, match="has containers"):
            host.engine.remove_network("asked")
    finally:
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        host.engine.remove_network("asked")


def test_networks_are_kept_apart_and_a_container_may_be_in_several(host: Host, network: str) -> None:
    host.engine.create_network(NetworkSpec("two"))
    try:
        one = addresses_of(host, host.start("sleep", "60", network=network))[0]
        two = addresses_of(host, host.start("sleep", "60", network="two"))[0]
        assert pings(host, one, two, network=network) == ["reached", "missed"]
        assert pings(host, one, two, network="two") == ["missed", "reached"]
        assert pings(host, one, two, network="two", networks=(EndpointSpec(network),)) == ["reached", "reached"]
    finally:
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        host.engine.remove_network("two")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({"internal": True}, ["reached", "missed"]), ({"talks_inside": False}, ["missed", "reached"])],
    ids=["internal", "silent inside"],
)
def test_a_network_may_have_no_way_out_or_no_talk_inside(
    host: Host, asked: dict[str, Any], expected: list[str]
) -> None:
    host.engine.create_network(NetworkSpec("closed", **asked))
    try:
        other = addresses_of(host, host.start("sleep", "60", network="closed"))[0]
        assert pings(host, other, OUTSIDE, network="closed") == expected
    finally:
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        host.engine.remove_network("closed")


def test_from_outside_nothing_is_reached_that_is_not_published(host: Host, outside: Outside, network: str) -> None:
    container = host.start("sh", "-c", SERVER, network=network)
    address = addresses_of(host, container)[0]
    wait_until(lambda: answers(address, 80), "the host reaches it")
    outside.run(lambda: subprocess.run(["ip", "route", "replace", address, "via", HOST], check=True))
    with pytest.raises(OSError, match="timed out"):
        outside.run(lambda: ask(address, 80, timeout_s=0.5))


def test_nothing_of_a_container_that_ended_is_left_on_the_host(host: Host, network: str) -> None:
    wait_until(lambda: not interfaces(), "those of other tests are gone")
    container = host.start("sleep", "60", network=network)
    assert len(interfaces()) == 1
    host.engine.stop(container, timeout_s=0)
    wait_until(lambda: not interfaces(), "its interface is gone")
    host.engine.start(container)
    assert pings(host, addresses_of(host, container)[0], network=network) == ["reached"]


def test_a_restart_by_policy_is_in_its_networks_again(host: Host, network: str) -> None:
    policy = RestartPolicy(Restart.ON_FAILURE, 2)
    script = "ip -o addr show eth0 | grep -c inet; exit 1"
    container = host.start("sh", "-c", script, network=network, restart=policy)
    wait_until(lambda: host.output(container).count("3") == 3, "it ran three times with its addresses", timeout_s=20)


@pytest.mark.parametrize("lost", ["bridge", "filter", "both"])
def test_what_the_host_lost_is_made_again(host: Host, outside: Outside, network: str, lost: str) -> None:
    engine = host.engine
    container = host.start("sh", "-c", SERVER, network=network, ports=(PublishedPort(80, host_port=8080),))
    if lost != "filter":
        subprocess.run(["ip", "link", "del", engine.network(network).spec.interface], check=True)
    if lost != "bridge":
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    engine.repair()
    assert pings(host, OUTSIDE, network=network) == ["reached"]
    if lost != "filter":
        engine.restart(container, timeout_s=0)
    wait_until(lambda: outside.run(lambda: answers(HOST, 8080)), "the port leads to it again")


def test_a_place_is_let_go_when_its_container_never_came_to_be(host: Host, network: str) -> None:
    with pytest.raises(InvalidSpec):
        host.create("true", network=network, user="nobody-knows")
    with pytest.raises(InvalidSpec, match="no network"):
        host.create("true", network=network, networks=(EndpointSpec("nowhere"),))
    assert host.engine.network(network).containers == ()
    folder = Path(host.home, "networks", host.engine.network(network).id, "addresses")
    assert all(os.readlink(path) == "gateway" for path in folder.iterdir())


@pytest.mark.parametrize("name", [".new-", ".removed-"])
def test_a_network_that_was_half_made_or_half_removed_leaves_nothing(host: Host, name: str) -> None:
    network = host.engine.create_network(NetworkSpec("half"))
    folder = Path(host.home, "networks", network.id)
    folder.rename(folder.with_name(name + network.id))
    host.engine.repair()
    assert network.spec.interface not in [found for _, found in socket.if_nameindex()]
    assert [entry.name for entry in folder.parent.iterdir() if entry.name.startswith(".")] == []
    assert host.engine._runtime.networks._table not in rules()


def rules() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def test_another_runtime_is_told_that_it_cannot(host: Host, network: str) -> None:
    with pytest.raises(Unsupported, match="runc cannot be given a network"):
        host.create("true", network=network, runtime="runc")


def test_a_subnet_that_is_used_already_is_refused(host: Host, network: str) -> None:
    used = host.engine.network(network).spec.pools[0].subnet
    for pool, why in ((Pool(used), "another network"), (Pool("10.77.0.0/16"), "a route of this host")):
        with pytest.raises(InvalidSpec, match=why):
            host.engine.create_network(NetworkSpec("again", pools=(pool,)))
    with pytest.raises(Conflict, match="called one already"):
        host.engine.create_network(NetworkSpec(network))
    assert [one.name for one in host.engine.networks()] == [network]


def test_an_interface_of_the_operators_is_left_alone(host: Host) -> None:
    subprocess.run(["ip", "link", "add", "mine0", "type", "bridge"], check=True)
    with pytest.raises(Conflict, match="another interface called mine0"):
        host.engine.create_network(NetworkSpec("taken", interface="mine0"))
    assert socket.if_nametoindex("mine0")
    assert host.engine.networks() == []


def test_addresses_run_out_and_that_is_said(host: Host) -> None:
    host.engine.create_network(NetworkSpec("small", pools=(Pool("10.99.1.0/30"),)))
    try:
        host.create("true", network="small")
        with pytest.raises(Conflict, match=r"Every address of 10\.99\.1\.0/30 is taken"):
            host.create("true", network="small")
    finally:
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        host.engine.remove_network("small")
