"""Which proxy the environment names for an address, by the rules that Docker and curl share.

`https_proxy`, `http_proxy` and `no_proxy`, in small or capital letters. This machine's own registries are reached
without one; `no_proxy` has names with all below them, addresses, and networks such as 10.0.0.0/8.
"""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from urllib3.util import make_headers

from engine.errors import Unreachable
from engine.images.registry.endpoints import is_loopback


@dataclass(frozen=True)
class Proxy:
    """`url` may stand in messages: what signs in at the proxy is in `authorization` alone, a header's value."""

    url: str
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy itself is told."""
        return {"proxy-authorization": self.authorization} if self.authorization else {}


def proxy_for(url: str) -> Proxy | None:
    """The proxy for this address, if there is one. Raises Unreachable for one that is named wrongly."""
    parts = urlsplit(url)
    named = getproxies().get(parts.scheme, "")
    if not named or is_loopback(parts.netloc) or proxy_bypass(parts.netloc) or _is_within(parts.hostname or ""):
        return None
    return _read(named if "://" in named else f"http://{named}", f"{parts.scheme}_proxy")


def _read(named: str, variable: str) -> Proxy:
    try:
        parts = urlsplit(named)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        raise Unreachable(
            f"{variable} in the host's environment names no proxy that can be used",
            hint="Write it like http://proxy.example.org:3128.",
        )
    host = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{host}:{port or (443 if parts.scheme == 'https' else 80)}"
    if parts.username is None:
        return Proxy(address)
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(address, make_headers(proxy_basic_auth=secret)["proxy-authorization"])


def _is_within(host: str) -> bool:
    """Whether the host is an address within a network of `no_proxy`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in map(_network, getproxies().get("no", "").split(",")) if network)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
