"""What a caller may ask of a network and of a container's place in it, and what the engine tells about one."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from engine.errors import InvalidSpec
from engine.spec import checks, codec
from engine.spec.values import between, one_of

BRIDGE = "bridge"
"""The driver, and the name of the network that is there without being made."""
DRIVERS = (BRIDGE,)
_RESERVED = ("none", "host", "default", "container", BRIDGE)
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
_LEAST_MTU, _LARGEST_MTU = 68, 65535
_LEAST_MTU_V6 = 1280
_LARGEST_PORT = 65535

Address = IPv4Address | IPv6Address
Subnet = IPv4Network | IPv6Network
_T = TypeVar("_T")


@dataclass(frozen=True)
class Pool:
    """Where a network's addresses come from: `subnet` as `10.1.0.0/24`, of it only `ip_range` for what is not asked.

    `gateway` is the host's own address in it, the first one where it is left empty. `aux_addresses` are kept free for
    what else is there, by a name for each.
    """

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def network(self) -> Subnet:
        """The subnet as a value."""
        return ipaddress.ip_network(self.subnet)

    def validate(self, where: str) -> None:
        """Raise InvalidSpec naming the field below `where`."""
        whole = _parsed(f"{where}.subnet", self.subnet, ipaddress.ip_network)
        if whole.num_addresses < 4 or whole.is_multicast or whole.is_loopback:
            raise InvalidSpec(f"{where}.subnet", f"{self.subnet[:80]!r} holds no addresses for containers")
        if self.ip_range:
            part = _parsed(f"{where}.ip_range", self.ip_range, ipaddress.ip_network)
            if part.version != whole.version or not part.subnet_of(whole):  # type: ignore[arg-type] # of one version
                raise InvalidSpec(f"{where}.ip_range", f"{self.ip_range[:80]!r} is not within {self.subnet}")
        for name, address in {"gateway": self.gateway, **self.aux_addresses}.items():
            if address:
                at = f"{where}.gateway" if name == "gateway" else f"{where}.aux_addresses.{name}"
                check_host_address(at, address, whole)


@dataclass(frozen=True)
class NetworkSpec(codec.Document):
    """A network of one host. Without `pools` it gets one that nobody here uses; with `ipv6` one of those as well.

    An `internal` one has no way out, and no ports of its containers are published. Containers in it reach each other
    unless `talks_inside` is false. With `masquerades` what leaves it has the host's address. `mtu` is 0 for 1500.
    `interface` is the bridge's name on the host, empty for one of its own making.
    """

    name: str
    driver: str = BRIDGE
    pools: tuple[Pool, ...] = ()
    ipv6: bool = False
    internal: bool = False
    talks_inside: bool = True
    masquerades: bool = True
    mtu: int = 0
    interface: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def validate(self) -> None:
        """Raise InvalidSpec for the first value that no host could have."""
        if not checks.NAME.fullmatch(self.name) or self.name in _RESERVED:
            raise InvalidSpec(
                "name",
                f"{self.name[:140]!r} is not a name for a network",
                hint=f"Letters, digits, '_', '.' and '-', 128 at most, and none of {', '.join(_RESERVED)}.",
            )
        self.validate_settings()

    def validate_settings(self) -> None:
        """The same, but for the name."""
        one_of("driver", self.driver, DRIVERS)
        for number, pool in enumerate(self.pools):
            pool.validate(f"pools[{number}]")
            for earlier in self.pools[:number]:
                if overlap(pool.network, earlier.network):
                    raise InvalidSpec(f"pools[{number}].subnet", f"{pool.subnet} overlaps {earlier.subnet}")
        if self.mtu:
            has_v6 = self.ipv6 or any(pool.network.version == 6 for pool in self.pools)
            between("mtu", self.mtu, _LEAST_MTU_V6 if has_v6 else _LEAST_MTU, _LARGEST_MTU)
        if self.interface and not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.-]{0,14}", self.interface):
            raise InvalidSpec("interface", f"{self.interface[:80]!r} is not an interface name of at most 15 characters")


@dataclass(frozen=True)
class Network(codec.Document):
    """A network of this host, with every value that was left to the engine. `containers` are the ids of those in it."""

    id: str
    created_at: str
    spec: NetworkSpec
    containers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is asked for by."""
        return self.spec.name


@dataclass(frozen=True)
class EndpointSpec:
    """How a container is to be in a network: the network's name or id, other names for it there, fixed addresses."""

    network: str
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""

    def validate(self, where: str) -> None:
        """Raise InvalidSpec naming the field below `where`."""
        checks.not_empty(f"{where}.network", self.network)
        for number, alias in enumerate(self.aliases):
            if not alias or len(alias) > 255 or not all(checks.LABEL.fullmatch(part) for part in alias.split(".")):
                raise InvalidSpec(f"{where}.aliases[{number}]", f"{alias[:80]!r} is not a host name")
        if self.ipv4:
            _parsed(f"{where}.ipv4", self.ipv4, ipaddress.IPv4Address)
        if self.ipv6:
            _parsed(f"{where}.ipv6", self.ipv6, ipaddress.IPv6Address)
        if self.mac and (not _MAC.fullmatch(self.mac) or int(self.mac[:2], 16) & 1):
            raise InvalidSpec(f"{where}.mac", f"{self.mac[:80]!r} is not the MAC address of one interface")


@dataclass(frozen=True)
class Endpoint(codec.Document):
    """A container's place in a network: `addresses` as `10.1.0.2/24`, `gateways` by the same order of versions."""

    container: str
    network: str
    interface: str
    mac: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedPort:
    """A port of a container that the host's `host_port` leads to, at one of its addresses or at all.

    0 is any port that is free when the container starts.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""
    host_port: int = 0

    def validate(self, where: str) -> None:
        """Raise InvalidSpec naming the field below `where`."""
        between(f"{where}.container_port", self.container_port, 1, _LARGEST_PORT)
        between(f"{where}.host_port", self.host_port, 0, _LARGEST_PORT)
        one_of(f"{where}.protocol", self.protocol, ("tcp", "udp", "sctp"))
        if self.host_ip:
            _parsed(f"{where}.host_ip", self.host_ip, ipaddress.ip_address)


def check_host_address(where: str, value: str, subnet: Subnet) -> Address:
    """The address, which is to be one that something in the subnet can have. Raises InvalidSpec."""
    address: Address = _parsed(where, value, ipaddress.ip_address)
    edges = {subnet.network_address} | ({subnet.broadcast_address} if subnet.version == 4 else set())
    if address not in subnet or address in edges:
        raise InvalidSpec(where, f"{value[:80]!r} is no address within {subnet}")
    return address


def overlap(one: Subnet, other: Subnet) -> bool:
    """Whether an address belongs to both."""
    return one.version == other.version and one.overlaps(other)


def _parsed(where: str, value: str, parse: Callable[[str], _T]) -> _T:
    try:
        return parse(value)
    except ValueError as error:
        raise InvalidSpec(where, str(error)[:200]) from None
