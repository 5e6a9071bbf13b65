"""Which addresses of a network are taken: one symbolic link for each, named by the address, to the name of its owner.

A link is made whole or not at all, and only one maker succeeds: so nothing has to be locked, and nothing can be half
taken. Owners are containers, by id, and what a network keeps for itself (`gateway`, `aux:<name>`).
"""

import ipaddress
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.errors import Conflict
from engine.spec.network import Address, Pool, check_host_address


def take(folder: Path, pool: Pool, owner: str, wanted: str = "", where: str = "") -> Address:
    """An address of the pool for `owner`: the one that is `wanted`, else the lowest free one.

    Raises Conflict when it is another's, or none is free; InvalidSpec, naming the field `where`, for one of elsewhere.
    """
    if wanted:
        address = check_host_address(where, wanted, pool.network)
        if _take(folder, address, owner):
            return address
        raise Conflict(f"The address {address} is taken by {owner_of(folder, address)}.", hint="Ask for another one.")
    for address in _free(folder, pool):
        if _take(folder, address, owner):
            return address
    why = f"Every address of {pool.ip_range or pool.subnet} is taken."
    raise Conflict(why, hint="Remove containers, or make a larger network.")


def release(folder: Path, owner: str) -> None:
    """Let go of all that the owner has."""
    for name in os.listdir(folder):
        if _owner(folder / name) == owner:
            with suppress(FileNotFoundError):
                os.unlink(folder / name)


def owners(folder: Path) -> set[str]:
    """Who has any."""
    return {owner for name in os.listdir(folder) if (owner := _owner(folder / name))}


def owner_of(folder: Path, address: Address) -> str:
    """Who has it, "" for nobody."""
    return _owner(folder / str(address))


def _free(folder: Path, pool: Pool) -> Iterator[Address]:
    taken = set(os.listdir(folder))
    part = ipaddress.ip_network(pool.ip_range) if pool.ip_range else pool.network
    edges = {pool.network.network_address} | ({pool.network.broadcast_address} if part.version == 4 else set())
    yield from (address for address in part if str(address) not in taken and address not in edges)


def _take(folder: Path, address: Address, owner: str) -> bool:
    try:
        os.symlink(owner, folder / str(address))
    except FileExistsError:
        return owner_of(folder, address) == owner
    return True


def _owner(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""  # let go at this moment
