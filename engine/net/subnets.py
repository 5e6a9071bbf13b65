"""Chooses where the addresses of a network come from, so that nothing the host reaches already is hidden by it."""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from engine.errors import Conflict, InvalidSpec
from engine.spec.network import NetworkSpec, Pool, Subnet, overlap

_SOURCES = (IPv4Network("172.24.0.0/13"), IPv4Network("10.192.0.0/10"), IPv4Network("192.168.0.0/16"))
_PREFIX = 20
_PREFIX_V6 = 64


def settle(spec: NetworkSpec, network_id: str, used: Collection[Subnet], routed: Collection[Subnet]) -> NetworkSpec:
    """`spec` with every pool and gateway said. `used` are other networks', `routed` what the host reaches otherwise.

    Raises InvalidSpec for a pool that overlaps one of them, Conflict when there is none left to choose.
    """
    for number, pool in enumerate(spec.pools):
        for whose, others in (("another network", used), ("a route of this host", routed)):
            if other := next((other for other in others if overlap(pool.network, other)), None):
                raise InvalidSpec(f"pools[{number}].subnet", f"{pool.subnet} overlaps {other}, {whose}")
    pools = list(spec.pools)
    versions = {pool.network.version for pool in pools}
    if not pools:
        pools.append(Pool(str(_chosen([*used, *routed]))))
    if spec.ipv6 and 6 not in versions:
        pools.append(Pool(str(_unique_local(network_id))))
    return replace(spec, pools=tuple(replace(pool, gateway=pool.gateway or _first(pool)) for pool in pools))


def _chosen(taken: Iterable[Subnet]) -> IPv4Network:
    taken = [subnet for subnet in taken if subnet.version == 4]
    for source in _SOURCES:
        for subnet in source.subnets(new_prefix=_PREFIX):
            if not any(subnet.overlaps(other) for other in taken):
                return subnet
    raise Conflict("There is no private subnet left that this host does not use.", hint="Name one in `pools`.")


def _unique_local(network_id: str) -> IPv6Network:
    """A subnet that nobody else has by chance (RFC 4193)."""
    number = int.from_bytes(b"\xfd" + hashlib.sha256(network_id.encode()).digest()[:7], "big")
    return ipaddress.IPv6Network((number << 64, _PREFIX_V6))


def _first(pool: Pool) -> str:
    aux = set(pool.aux_addresses.values())
    return str(next(address for address in pool.network.hosts() if str(address) not in aux))
