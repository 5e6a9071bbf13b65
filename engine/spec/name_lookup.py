"""What a container is told about names and addresses: entries for `/etc/hosts`, name servers, search domains."""

import ipaddress
import re

from engine.errors import InvalidSpec

_WORD = re.compile(r"[\x21-\x7e]{1,255}")
_DOMAIN = re.compile(r"\.|[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,252}[a-zA-Z0-9_.])?")


def check(hosts: tuple[str, ...], dns: tuple[str, ...], search: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Raise InvalidSpec naming the first entry that makes no sense."""
    for index, entry in enumerate(hosts):
        host_entry(f"extra_hosts[{index}]", entry)
    for index, address in enumerate(dns):
        _address(f"dns[{index}]", address)
    for index, domain in enumerate(search):
        if not _DOMAIN.fullmatch(domain):
            raise InvalidSpec(f"dns_search[{index}]", f"{domain[:80]!r} is not a domain")
    for index, option in enumerate(options):
        if not _WORD.fullmatch(option):
            raise InvalidSpec(f"dns_options[{index}]", f"{option[:80]!r} is not one word")


def host_entry(field: str, entry: str) -> tuple[str, str]:
    """Name and address of `name:address`; an IPv6 address may stand in brackets. Raises InvalidSpec."""
    name, _, address = entry.partition(":")
    if not _DOMAIN.fullmatch(name) or name == ".":
        raise InvalidSpec(field, f"{entry[:80]!r} is not name:address")
    return name, _address(field, address.removeprefix("[").removesuffix("]"))


def _address(field: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise InvalidSpec(field, f"{text[:80]!r} is not an IP address") from None
