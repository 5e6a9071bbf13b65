"""The packet filter of one host's networks: one table of our own in nftables, changed in whole transactions.

    prerouting, output   a published port of this host becomes the container's address and port (`published`)
    input                nobody reaches the host's loopback from a network
    postrouting          what leaves a network that masquerades has the host's address
    forward              networks are kept apart; from outside only published ports are reached

Nobody else's table is touched. What the operator wants refused before any of this, he puts into the chain `forward` of
the table `moorage-operator`, which is made empty once and never changed: a packet dropped there is dropped. nft(8)
explains the words; interface names are those of networks, which are checked when these are made.
"""

from collections.abc import Iterator, Sequence

from engine.net import nftables
from engine.spec.network import Network

MAPS = ("ports4", "ports4_at", "ports6", "ports6_at")
OPERATOR = "moorage-operator"
_OPERATORS_CHAIN = f"""
table inet {OPERATOR} {{
  chain forward {{
    type filter hook forward priority filter - 5; policy accept;
  }}
}}
"""


def ensure(table: str, networks: Sequence[Network], *, drops_others: bool = False) -> None:
    """Make the table what these networks need; published ports that are in it stay. Raises EngineError, Unsupported.

    With `drops_others` nothing passes that has to do with none of them: the host was no router before.
    """
    nftables.run(_OPERATORS_CHAIN + _maps(table) + "\n".join(_rules(table, networks, drops_others)))


def remove(table: str) -> None:
    """Take the table away with all that is in it."""
    nftables.run(f"table inet {table}\ndelete table inet {table}")


def _maps(table: str) -> str:
    """What is published, which outlives every change of the rules."""
    return f"""
table inet {table} {{
  map ports4 {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
  map ports4_at {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
  map ports6 {{ type inet_proto . inet_service : ipv6_addr . inet_service; }}
  map ports6_at {{ type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }}
  chain published {{ }}
  chain prerouting {{ type nat hook prerouting priority dstnat; }}
  chain output {{ type nat hook output priority -100; }}
  chain input {{ type filter hook input priority filter; }}
  chain postrouting {{ type nat hook postrouting priority srcnat; }}
  chain into {{ }}
  chain out_of {{ }}
  chain forward {{ type filter hook forward priority filter; }}
}}
"""


def _rules(table: str, networks: Sequence[Network], drops_others: bool) -> Iterator[str]:
    """Every rule anew, in one transaction with the removal of those that were there."""
    yield f"flush table inet {table}"
    yield f"table inet {table} {{"
    yield from _chain("published", _PUBLISHED)
    # Whoever sends a packet for the loopback from elsewhere means what is published at the host's own loopback alone.
    yield from _chain("prerouting", ['iifname != "lo" ip daddr 127.0.0.0/8 return', _TO_THIS_HOST])
    yield from _chain("output", [_TO_THIS_HOST])
    yield from _chain("input", _input(networks))
    yield from _chain("postrouting", _postrouting(networks))
    yield from _chain("forward", [*_forward(networks), *(["drop"] if drops_others else [])])
    yield from _chain("into", _into(networks))
    yield from _chain("out_of", _out_of(networks))
    yield "}"


_PUBLISHED = [
    "dnat ip to ip daddr . meta l4proto . th dport map @ports4_at",
    "dnat ip to meta l4proto . th dport map @ports4",
    "dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at",
    "dnat ip6 to meta l4proto . th dport map @ports6",
]


_TO_THIS_HOST = "fib daddr type local jump published"


def _chain(name: str, rules: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield f"chain {name} {{"
    yield from rules
    yield "}"


def _input(networks: Sequence[Network]) -> Iterator[str]:
    for network in networks:  # answers to the host's own connections come back to its loopback by the bridge
        yield f'iifname "{network.spec.interface}" ip daddr 127.0.0.0/8 ct state != {{ established, related }} drop'


def _postrouting(networks: Sequence[Network]) -> Iterator[str]:
    for network in networks:
        name = network.spec.interface
        yield f'oifname "{name}" ip saddr 127.0.0.0/8 masquerade'  # by way of the host's loopback
        for pool in network.spec.pools:
            kind = "ip" if pool.network.version == 4 else "ip6"
            # From its own network a container would be answered directly, by an address it never spoke to.
            yield f'ct status dnat {kind} saddr {pool.subnet} oifname "{name}" masquerade'
            if network.spec.masquerades and not network.spec.internal:
                yield f'{kind} saddr {pool.subnet} oifname != "{name}" masquerade'


def _forward(networks: Sequence[Network]) -> Iterator[str]:
    for network in networks:
        yield f'oifname "{network.spec.interface}" jump into'
    for network in networks:
        yield f'iifname "{network.spec.interface}" jump out_of'


def _into(networks: Sequence[Network]) -> Iterator[str]:
    yield "ct state established,related accept"
    yield "ct status dnat accept"
    for network in networks:
        if network.spec.talks_inside:
            yield f'iifname "{network.spec.interface}" oifname "{network.spec.interface}" accept'
    yield "drop"


def _out_of(networks: Sequence[Network]) -> Iterator[str]:
    yield "ct state established,related accept"
    for network in networks:
        if network.spec.internal:
            yield f'iifname "{network.spec.interface}" drop'
    yield "accept"
