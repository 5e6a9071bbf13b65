"""A container's places in networks: taken when it is created, made part of its plan, left when it is removed."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from engine.container import state
from engine.container.runtime import Runtime
from engine.container.state import Record
from engine.errors import InvalidSpec, NotFound, Unsupported
from engine.launcher import wiring
from engine.spec.container import ContainerSpec, ContainerState, Status
from engine.spec.network import BRIDGE, Endpoint, Network, PublishedPort
from engine.sys import netlink


def prepare(runtime: Runtime, container_id: str, spec: ContainerSpec) -> list[Endpoint]:
    """Take the places that `spec` asks for. Raises NotFound, InvalidSpec, Conflict; then the caller lets go of them."""
    wanted = spec.attachments()
    if wanted and spec.runtime:
        raise Unsupported(
            f"{spec.runtime} cannot be given a network by this engine.", hint="Use network none or host with it."
        )
    found = []
    for number, item in enumerate(wanted):
        try:
            place = runtime.networks.connect(container_id, item, interface=f"eth{number}", where=f"networks[{number}]")
        except NotFound as error:
            raise InvalidSpec("network", error.message, hint="`none`, `host`, or one of the host's networks.") from None
        found.append(place)
    if spec.ports and runtime.networks.get(found[0].network).spec.internal:
        raise InvalidSpec("ports", f"the network {spec.network} is internal, and is not reached from outside")
    return found


def make_usual(runtime: Runtime, spec: ContainerSpec) -> None:
    """Make the network that is there for everybody, if it is asked for."""
    if any(item.network == BRIDGE for item in spec.attachments()):
        runtime.networks.make_usual()


def addresses(places: list[Endpoint]) -> list[str]:
    """Every address it has, without the length of the network's part."""
    return [text.partition("/")[0] for place in places for text in place.addresses]


def publish(runtime: Runtime, record: Record) -> list[bytes]:
    """Lead the host's ports to a container that is about to start; the messages that take them back.

    Raises Conflict naming who has one of them, KernelError.
    """
    if not record.ports:
        return []
    wanted = [PublishedPort(**port) for port in record.ports]
    places = [runtime.networks.endpoint(network_id, record.id) for network_id in record.networks]
    return runtime.networks.publish(record.id, wanted, places, lambda owner: _is_live(runtime, owner))


def withdraw(runtime: Runtime, record: Record) -> None:
    """Take the ports back of a container that did not start."""
    if record.ports:
        runtime.networks.withdraw(record.id)


def republish(runtime: Runtime, states: Sequence[ContainerState]) -> None:
    """Bring the packet filter in line with what runs."""
    live = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
    runtime.networks.republish([current.id for current in states if current.status in live])


def _is_live(runtime: Runtime, container_id: str) -> bool:
    """Whether it runs, or some verb is at work on it that may make it run."""
    try:
        status = state.load(runtime.folder(container_id)).status
        return status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING) or runtime.is_locked(container_id)
    except (NotFound, InvalidSpec):
        return False


def leave(runtime: Runtime, record: Record) -> None:
    """Let go of all its places."""
    if record.networks:
        runtime.networks.disconnect(record.id, record.networks)


def endpoints(runtime: Runtime, record: Record) -> list[list[Any]]:
    """`endpoints` as `engine/launcher/messages.py` describes them. Raises NotFound for a network that is gone."""
    found = []
    for number, network_id in enumerate(record.networks):
        network, place = runtime.networks.get(network_id), runtime.networks.endpoint(network_id, record.id)
        found.append(_endpoint(network, place, number, publishes=bool(record.ports)))
    return found


def _endpoint(network: Network, place: Endpoint, number: int, *, publishes: bool) -> list[Any]:
    index, mtu, mac = wiring.FIRST_INSIDE + number, network.spec.mtu, bytes.fromhex(place.mac.replace(":", ""))
    messages = [netlink.link(index, mac=mac, mtu=mtu)]
    for text in place.addresses:
        interface = ipaddress.ip_interface(text)
        edge = interface.network.broadcast_address.packed if interface.version == 4 else b""
        messages.append(netlink.address(index, interface.packed, interface.network.prefixlen, edge))
    if number == 0 and not network.spec.internal:
        messages += [netlink.default_route(index, ipaddress.ip_address(gateway).packed) for gateway in place.gateways]
    # Where the packet filter sees what a bridge carries, a container's way to its own published port stays within it.
    has_hairpin, is_isolated = publishes, not network.spec.talks_inside
    alias = f"moorage container {place.container}"
    return [network.spec.interface, mtu, mac, is_isolated, has_hairpin, alias, messages]
