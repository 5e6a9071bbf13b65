"""Where a registry answers: the addresses to try, in order, and which of them may be told credentials."""

import ipaddress
from dataclasses import dataclass

from engine.spec.registry import RegistryAccess

DOCKER_HUB, HUB_HOST = "docker.io", "registry-1.docker.io"


@dataclass(frozen=True)
class Endpoint:
    """One address, without the final `/v2/`. Only the registry itself, `is_home`, is told credentials."""

    url: str
    is_home: bool = True
    is_verified: bool = True


def homes(access: RegistryAccess) -> list[Endpoint]:
    """The registry itself: by verified TLS; where it may be insecure by any TLS, then in plain."""
    host = HUB_HOST if access.registry == DOCKER_HUB else access.registry
    if not access.is_insecure and not is_loopback(host):
        return [Endpoint(f"https://{host}")]
    verified = [Endpoint(f"https://{host}")] if access.ca_certificates else []
    return [*verified, Endpoint(f"https://{host}", is_verified=False), Endpoint(f"http://{host}")]


def mirrors(access: RegistryAccess) -> list[Endpoint]:
    """The mirrors of it, in order."""
    return [Endpoint(url.rstrip("/"), is_home=False) for url in access.mirrors]


def is_loopback(host: str) -> bool:
    """This machine's own registries need no TLS, as with Docker: nobody listens on the way."""
    name = host.rpartition(":")[0] or host if not host.endswith("]") else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
