"""What is asked of a registry itself, whatever images are here."""

from engine.errors import InvalidSpec
from engine.images.reference import Reference
from engine.images.registry import RegistryClient
from engine.spec.registry import RegistryAccess, RemoteImage


def resolve(reference: str, *, access: RegistryAccess | None = None) -> RemoteImage:
    """What the reference stands for at its registry now; nothing is pulled. Raises InvalidSpec, else as the client."""
    named = Reference.parse(reference)
    with RegistryClient(access_to(named, access)) as client:
        head = client.head(named)
    return RemoteImage(str(named), head.digest, head.media_type)


def check_registry(access: RegistryAccess) -> None:
    """Sign in at a registry and do nothing else. Raises as the client."""
    with RegistryClient(access) as client:
        client.check()


def access_to(reference: Reference, access: RegistryAccess | None) -> RegistryAccess:
    """The access, if it is to the reference's registry: another's password goes nowhere."""
    if access is not None and access.registry != reference.domain:
        raise InvalidSpec("access.registry", f"{access.registry} is not the registry of {reference}")
    return access or RegistryAccess(reference.domain)
