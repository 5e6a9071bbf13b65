"""The networks of one host: made, found and removed, and containers given places in them."""

import builtins
import ipaddress
import logging
import os
import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from engine.errors import Conflict, DamagedStore, EngineError, InvalidSpec, NotFound
from engine.launcher.records import now
from engine.net import addresses, firewall, forwarding, ports, records, subnets
from engine.net.ports import Published
from engine.spec.network import BRIDGE, Endpoint, EndpointSpec, Network, NetworkSpec, PublishedPort
from engine.sys import file_lock
from engine.sys.remove_tree import remove_tree

log = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f]{64}")
_USUAL = NetworkSpec(BRIDGE)


class NetworkStore:
    """Networks below `root`, which is made at the first use; `table` is the packet filter's, no other engine's."""

    def __init__(self, root: Path, *, table: str) -> None:
        self.root = root
        self._table = table
        self._ports = root / "ports"

    def create(self, spec: NetworkSpec) -> Network:
        """Make the network and its bridge. Raises InvalidSpec, Conflict for a name that another has, KernelError."""
        spec.validate()
        return self._create(spec)

    def list(self) -> builtins.list[Network]:
        """Every network of this host, by name. One that is damaged is left out, and the log tells."""
        found = []
        for network_id in self._ids():
            try:
                found.append(self._whole(network_id))
            except FileNotFoundError:
                continue  # removed while this list was made
            except DamagedStore as error:
                log.error("%s", error.message)
        return sorted(found, key=lambda network: network.name)

    def get(self, name: str) -> Network:
        """The network of this name or id, or the only one whose id begins so. Raises NotFound."""
        networks = self.list()
        named = [network for network in networks if name in (network.name, network.id)]
        matching = named or [network for network in networks if name and network.id.startswith(name)]
        if len(matching) != 1:
            raise NotFound(f"There is no network {name[:80]!r} on this host.")
        return matching[0]

    def make_usual(self) -> None:
        """Make the one that is there without being made, unless it is."""
        try:
            self.get(BRIDGE)
        except NotFound:
            with suppress(Conflict):  # somebody else was faster
                self._create(_USUAL)

    @contextmanager
    def held(self, *, is_exclusive: bool = False) -> Iterator[None]:
        """No network goes meanwhile: around everything from naming one to being counted among its containers."""
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        with file_lock.held(self.root / "lock", is_exclusive=is_exclusive):
            yield

    def remove(self, name: str) -> None:
        """Take it away. Raises NotFound, and Conflict naming the containers that are in it."""
        from engine.net import bridge  # noqa: PLC0415 - pyroute2 takes 0.4 s to import, which only this needs

        with self.held(is_exclusive=True):
            network = self.get(name)
            if network.containers:
                few = ", ".join(container[:12] for container in network.containers[:10])
                why = f"Network {network.name} has containers: {few}."
                raise Conflict(why, hint="Disconnect or remove them first.")
            gone = self.root / f".removed-{secrets.token_hex(8)}"
            self._folder(network.id).rename(gone)
            bridge.remove(network)
            self._filter(self.list())
        remove_tree(gone)

    def connect(self, container_id: str, spec: EndpointSpec, *, interface: str, where: str = "networks") -> Endpoint:
        """Give the container a place in a network; the same request again changes nothing.

        Raises NotFound, InvalidSpec naming the field below `where`, Conflict for an address that is taken.
        """
        network = self.get(spec.network)
        folder = self._folder(network.id)
        try:
            return records.read_endpoint(folder, container_id)
        except FileNotFoundError:
            pass
        wanted = {4: spec.ipv4, 6: spec.ipv6}
        for version, address in wanted.items():
            if address and all(pool.network.version != version for pool in network.spec.pools):
                raise InvalidSpec(f"{where}.ipv{version}", f"the network {network.name} has no such addresses")
        try:
            endpoint = _place(folder, network, container_id, spec, interface, where)
            records.write_endpoint(folder, endpoint)
        except BaseException:
            records.remove_endpoint(folder, container_id)
            raise
        return endpoint

    def endpoint(self, network_id: str, container_id: str) -> Endpoint:
        """The container's place in a network. Raises NotFound."""
        try:
            return records.read_endpoint(self._folder(network_id), container_id)
        except FileNotFoundError:
            raise NotFound(f"Container {container_id[:12]} is not in the network {network_id[:12]}.") from None

    def disconnect(self, container_id: str, network_ids: Collection[str] | None = None) -> None:
        """Take the container's places away, in these networks or in all; nothing happens where it has none."""
        for network_id in self._ids() if network_ids is None else network_ids:
            if self._folder(network_id).is_dir():
                records.remove_endpoint(self._folder(network_id), container_id)

    def publish(
        self, container_id: str, wanted: Sequence[PublishedPort], places: Sequence[Endpoint], is_live: ports.IsLive
    ) -> builtins.list[bytes]:
        """Lead ports of the host to a container; the messages that undo it (`engine/sys/nfnetlink.py`).

        Raises Conflict naming who has one of them, KernelError.
        """
        with self._ports_held():
            claimed = ports.claim(self._ports, container_id, wanted, is_live)
            try:
                ports.publish(self._table, claimed, places)
            except BaseException:
                ports.release(self._ports, claimed)
                raise
        return builtins.list(ports.removals(self._table, claimed))

    def withdraw(self, container_id: str) -> None:
        """Take a container's ports back."""
        with self._ports_held():
            claimed = self.published(container_id)
            ports.withdraw(self._table, claimed)
            ports.release(self._ports, claimed)

    def published(self, container_id: str) -> builtins.list[Published]:
        """What a container publishes now, or did when it last ran and nobody has taken since."""
        return [port for port in ports.listed(self._ports) if port.container == container_id]

    def republish(self, live: Collection[str]) -> None:
        """Make the packet filter lead to these containers what they have, and nothing else."""
        if not (networks := self.list()):
            return
        with self._ports_held():
            claimed: dict[str, builtins.list[Published]] = {}
            for port in ports.listed(self._ports):
                claimed.setdefault(port.container, []).append(port)
            found = []
            for container_id in claimed.keys() & {*live}:
                places = [place for network in networks if (place := self._place_in(network, container_id))]
                found.append((claimed[container_id], sorted(places, key=lambda place: place.interface)))
            ports.republish(self._table, found)

    @contextmanager
    def _ports_held(self) -> Iterator[None]:
        """Alone with the ports: one that is free by its owner's end has one heir."""
        with file_lock.held(self.root / "ports.lock", is_exclusive=True):
            yield

    def _place_in(self, network: Network, container_id: str) -> Endpoint | None:
        with suppress(FileNotFoundError):
            return records.read_endpoint(self._folder(network.id), container_id)
        return None

    def repair(self, containers: Collection[str]) -> None:
        """Finish or undo what was half done, forget containers that are gone, and make what the host lost.

        What the host refuses is logged: its containers are to be seen to all the same.
        """
        if not self.root.is_dir():
            return
        with self.held(is_exclusive=True):
            leftovers = [entry for entry in self.root.iterdir() if entry.name.startswith(".")]
            networks = self.list()
            if not (leftovers or networks):
                return
            for network in networks:
                self._forget_all_but(containers, network)
            try:
                self._restore(networks, leftovers)
            except EngineError as error:
                log.error("The networks of this host are not what they should be: %s %s", error.message, error.hint)

    def _forget_all_but(self, containers: Collection[str], network: Network) -> None:
        folder = self._folder(network.id)
        taken = addresses.owners(folder / records.ADDRESSES)
        for gone in ({owner for owner in taken if _ID.fullmatch(owner)} | {*network.containers}) - {*containers}:
            records.remove_endpoint(folder, gone)

    def _restore(self, networks: Sequence[Network], leftovers: Sequence[Path]) -> None:
        from engine.net import bridge  # noqa: PLC0415 - as above

        for entry in leftovers:
            with suppress(FileNotFoundError, DamagedStore, InvalidSpec):
                bridge.remove(records.read(entry))
            remove_tree(entry)
        for network in networks:
            bridge.ensure(network)
        self._filter(networks)

    def _create(self, spec: NetworkSpec) -> Network:
        from engine.net import bridge  # noqa: PLC0415 - as above

        with self.held(is_exclusive=True):
            networks = self.list()
            if any(network.name == spec.name for network in networks):
                raise Conflict(f"There is a network called {spec.name} already.", hint="Choose another name.")
            network_id = secrets.token_hex(32)
            used = [pool.network for network in networks for pool in network.spec.pools]
            routed = [subnet for subnet in bridge.routed() if subnet not in used]
            settled = subnets.settle(spec, network_id, used, routed)
            settled = replace(settled, interface=spec.interface or f"mr-{network_id[:12]}")
            network = Network(network_id, now(), settled)
            fresh = self.root / f".new-{network_id}"
            try:
                records.make(fresh, network)
                bridge.ensure(network)
                self._filter([*networks, network])
                fresh.rename(self._folder(network_id))
            except BaseException:
                remove_tree(fresh)
                bridge.remove(network)
                raise
        return network

    def _filter(self, networks: Sequence[Network]) -> None:
        """The packet filter for these networks; none is needed where there are none."""
        if networks:
            is_ours = forwarding.allow(self.root / "forwarding")
            firewall.ensure(self._table, networks, drops_others=is_ours)
        else:
            firewall.remove(self._table)

    def _folder(self, network_id: str) -> Path:
        return self.root / network_id

    def _ids(self) -> builtins.list[str]:
        return [name for name in os.listdir(self.root) if _ID.fullmatch(name)] if self.root.is_dir() else []

    def _whole(self, network_id: str) -> Network:
        folder = self._folder(network_id)
        return replace(records.read(folder), containers=records.containers(folder))


def _place(
    folder: Path, network: Network, container_id: str, spec: EndpointSpec, interface: str, where: str
) -> Endpoint:
    """An address of each pool's version, the first pool of a version deciding where none is asked for."""
    wanted = {4: spec.ipv4, 6: spec.ipv6}
    found, gateways, mac = [], [], spec.mac.lower()
    for version, asked in wanted.items():
        pools = [pool for pool in network.spec.pools if pool.network.version == version]
        if asked:
            pools = [pool for pool in pools if ipaddress.ip_address(asked) in pool.network] or pools
        if not pools:
            continue
        at = f"{where}.ipv{version}"
        address = addresses.take(folder / records.ADDRESSES, pools[0], container_id, asked, at)
        found.append(f"{address}/{pools[0].network.prefixlen}")
        gateways.append(pools[0].gateway)
        mac = mac or _mac(address.packed)
    return Endpoint(container_id, network.id, interface, mac, tuple(found), tuple(gateways), spec.aliases)


def _mac(address: bytes) -> str:
    """One that follows from the address, so that what others have learned of it stays true."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x4D, *address[-4:]))
