"""How a registry is reached, as pull, push and resolve are told it."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from engine.errors import InvalidSpec
from engine.spec import codec


@dataclass(frozen=True)
class Credentials:
    """Who signs in: a user with a password or access token, or an identity token that a registry gave out for them.

    Their `repr` never shows a secret.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """InvalidSpec for what HTTP's basic authentication (RFC 7617) cannot say."""
        if ":" in self.username:
            raise InvalidSpec("credentials.username", "must not hold a colon")
        for name, text in (("username", self.username), ("password", self.password)):
            if any(ord(character) < 32 or ord(character) == 127 for character in text):
                raise InvalidSpec(f"credentials.{name}", "must not hold control characters")


@dataclass(frozen=True)
class RegistryAccess(codec.Document):
    """How one registry is reached. `registry` is its name as references have it: `docker.io`, `127.0.0.1:5000`.

    `ca_certificates` are PEM, believed beside the system's. `is_insecure` allows TLS that is not verified, and plain
    HTTP. `mirrors` are URLs that are tried first, in order, for pulls; they are never told the credentials.
    """

    registry: str
    credentials: Credentials | None = None
    ca_certificates: str = ""
    is_insecure: bool = False
    mirrors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """InvalidSpec names the field that no registry could be reached by."""
        if not self.registry:
            raise InvalidSpec("registry", "must be named")
        for number, mirror in enumerate(self.mirrors):
            _check_url(f"mirrors[{number}]", mirror)
        if self.ca_certificates:
            _check_certificates(self.ca_certificates)


@dataclass(frozen=True)
class PushedImage(codec.Document):
    """What a push brought: the full reference, the digest of the manifest there, and all its bytes as stored."""

    reference: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class RemoteImage(codec.Document):
    """What a tag stands for at its registry now: the digest and type of its manifest or index."""

    reference: str
    digest: str
    media_type: str


@dataclass(frozen=True)
class UpdateCheck(codec.Document):
    """Whether the image that has a reference here, `image_id`, is still what the registry gives out under it.

    `digest` is the one the registry tells for the tag now.
    """

    reference: str
    image_id: str
    digest: str
    is_current: bool


def _check_url(where: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_url = False
    if not is_url:
        raise InvalidSpec(where, f"{url[:200]!r} is not an address such as https://mirror.example.org")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidSpec(where, "must hold neither a user nor a query")


def _check_certificates(pem: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise InvalidSpec(
            "ca_certificates",
            "is not a list of certificates in PEM",
            hint="It begins with -----BEGIN CERTIFICATE-----.",
        ) from error
