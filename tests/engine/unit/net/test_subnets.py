"""Where the addresses of networks come from, and who has them."""

import os
import threading
from ipaddress import ip_network
from pathlib import Path

import pytest

from engine.errors import Conflict, InvalidSpec
from engine.net import addresses, subnets
from engine.spec.network import NetworkSpec, Pool

ID = "5" * 64


def test_a_network_gets_a_subnet_that_nobody_here_uses() -> None:
    used, routed = [ip_network("172.24.0.0/20")], [ip_network("172.24.16.0/22"), ip_network("fd00::/64")]
    settled = subnets.settle(NetworkSpec("one"), ID, used, routed)
    assert settled.pools == (Pool("172.24.32.0/20", "172.24.32.1"),)


def test_with_ipv6_it_gets_one_of_those_too_always_the_same() -> None:
    first, again = (subnets.settle(NetworkSpec("one", ipv6=True), ID, [], []) for _ in range(2))
    assert first == again
    six = first.pools[1].network
    assert str(six).startswith("fd")
    assert six.prefixlen == 64


def test_a_gateway_is_no_address_that_is_kept_for_something_else() -> None:
    pool = Pool("10.0.0.0/24", aux_addresses={"router": "10.0.0.1", "printer": "10.0.0.2"})
    assert subnets.settle(NetworkSpec("one", pools=(pool,)), ID, [], []).pools[0].gateway == "10.0.0.3"


def test_when_every_private_subnet_is_used_that_is_said() -> None:
    everything = [ip_network(text) for text in ("172.24.0.0/13", "10.192.0.0/10", "192.168.0.0/16")]
    with pytest.raises(Conflict, match="no private subnet left"):
        subnets.settle(NetworkSpec("one"), ID, [], everything)


@pytest.mark.parametrize(
    ("pool", "field"),
    [
        (Pool("10.0.0.1/24"), "subnet"),
        (Pool("10.0.0.0/31"), "subnet"),
        (Pool("224.0.0.0/8"), "subnet"),
        (Pool("127.1.0.0/16"), "subnet"),
        (Pool("no"), "subnet"),
        (Pool("10.0.0.0/24", gateway="10.0.1.1"), "gateway"),
        (Pool("10.0.0.0/24", gateway="10.0.0.255"), "gateway"),
        (Pool("10.0.0.0/24", ip_range="10.0.1.0/25"), "ip_range"),
        (Pool("10.0.0.0/24", ip_range="fd00::/64"), "ip_range"),
        (Pool("10.0.0.0/24", aux_addresses={"x": "10.1.0.1"}), "aux_addresses.x"),
    ],
)
def test_a_pool_that_cannot_be_is_refused_by_its_field(pool: Pool, field: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        NetworkSpec("one", pools=(pool,)).validate()
    assert told.value.field == f"pools[0].{field}"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (NetworkSpec("host"), "name"),
        (NetworkSpec("bridge"), "name"),
        (NetworkSpec('a"; drop'), "name"),
        (NetworkSpec("one", driver="weave"), "driver"),
        (NetworkSpec("one", mtu=20), "mtu"),
        (NetworkSpec("one", mtu=600, ipv6=True), "mtu"),
        (NetworkSpec("one", interface='x"; flush ruleset'), "interface"),
        (NetworkSpec("one", interface="a" * 16), "interface"),
        (NetworkSpec("one", pools=(Pool("10.0.0.0/8"), Pool("10.1.0.0/16"))), "pools[1].subnet"),
    ],
)
def test_a_network_that_cannot_be_is_refused_by_its_field(spec: NetworkSpec, field: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        spec.validate()
    assert told.value.field == field


def test_many_who_take_addresses_at_once_get_different_ones(tmp_path: Path) -> None:
    pool = Pool("10.0.0.0/24", ip_range="10.0.0.128/26")
    found: list[str] = []

    def take(owner: str) -> None:
        found.extend(str(addresses.take(tmp_path, pool, f"{owner}-{number}")) for number in range(8))

    threads = [threading.Thread(target=take, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 64
    assert all(text in (f"10.0.0.{n}" for n in range(128, 192)) for text in found)
    with pytest.raises(Conflict, match=r"Every address of 10\.0\.0\.128/26 is taken"):
        addresses.take(tmp_path, pool, "late")
    addresses.release(tmp_path, "a-3")
    assert addresses.take(tmp_path, pool, "late")
    assert len(os.listdir(tmp_path)) == 64


def test_who_has_an_address_keeps_it(tmp_path: Path) -> None:
    pool = Pool("10.0.0.0/24")
    assert addresses.take(tmp_path, pool, "me", "10.0.0.7") == addresses.take(tmp_path, pool, "me", "10.0.0.7")
    with pytest.raises(Conflict, match="taken by me"):
        addresses.take(tmp_path, pool, "you", "10.0.0.7")
    assert addresses.owners(tmp_path) == {"me"}
