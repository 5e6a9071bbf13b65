"""What is kept of networks on disk.

networks/<id>/network.json                  what it is, with every value that was chosen
networks/<id>/addresses/<address>           a link to the name of who has it
networks/<id>/endpoints/<container>.json    a container's place in it
networks/.new-…, .removed-…                 one on its way in or out
networks/lock                               held while one is made or removed
"""

import json
import os
from pathlib import Path

from engine.errors import DamagedStore
from engine.net import addresses
from engine.spec.network import Endpoint, Network

NETWORK, ADDRESSES, ENDPOINTS = "network.json", "addresses", "endpoints"


def make(folder: Path, network: Network) -> None:
    """The folder of a network, with the addresses that are its own. Raises Conflict, InvalidSpec."""
    os.makedirs(folder / ADDRESSES, mode=0o700)
    os.mkdir(folder / ENDPOINTS, mode=0o700)
    for number, pool in enumerate(network.spec.pools):
        for name, address in {"gateway": pool.gateway, **pool.aux_addresses}.items():
            owner = name if name == "gateway" else f"aux:{name}"
            addresses.take(folder / ADDRESSES, pool, owner, address, where=f"pools[{number}].{owner}")
    _write(folder / NETWORK, network.to_json())


def read(folder: Path) -> Network:
    """The network, without those who are in it. Raises FileNotFoundError, DamagedStore."""
    return Network.from_json(_read(folder / NETWORK))


def containers(folder: Path) -> tuple[str, ...]:
    """Ids of the containers that have a place in the network."""
    names = (name for name in os.listdir(folder / ENDPOINTS) if name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in names))


def write_endpoint(folder: Path, endpoint: Endpoint) -> None:
    """Keep it."""
    _write(folder / ENDPOINTS / f"{endpoint.container}.json", endpoint.to_json())


def read_endpoint(folder: Path, container_id: str) -> Endpoint:
    """The container's place. Raises FileNotFoundError, DamagedStore."""
    return Endpoint.from_json(_read(folder / ENDPOINTS / f"{container_id}.json"))


def remove_endpoint(folder: Path, container_id: str) -> None:
    """Forget it, and let go of its addresses. Nothing happens where there is none."""
    (folder / ENDPOINTS / f"{container_id}.json").unlink(missing_ok=True)
    addresses.release(folder / ADDRESSES, container_id)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise DamagedStore(f"{path} is damaged: {error}", hint="Restore it, or remove the network's folder.") from error


def _write(path: Path, value: object) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
