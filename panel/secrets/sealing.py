"""Seals a secret for one host: whoever else sees the operation, in the database or at the broker, cannot read it.

HPKE (RFC 9180) in its base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. The host keeps the private key and tells the
panel the public one. Imports no Django.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from engine import InvalidSpec
from panel.secrets import private_files

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
KEY_BYTES = 32


def seal(public_key: str, secret: bytes, *, bound_to: str) -> str:
    """`secret` as only the holder of the private key can read it, and only told what it is `bound_to`.

    `public_key` is what `HostKey.public` says. Raises ValueError if it is no such key.
    """
    recipient = X25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
    return b64encode(SUITE.encrypt(secret, recipient, bound_to.encode())).decode()


def is_public_key(text: object) -> bool:
    """Whether that is a public key as `HostKey.public` writes it."""
    try:
        return isinstance(text, str) and len(b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


@dataclass(frozen=True)
class HostKey:
    """A host's own key, which never leaves it."""

    private: X25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> Self:
        """The key kept in the file `path`, which is made if it is not there."""
        if not path.exists():
            private_files.create(path, b64encode(X25519PrivateKey.generate().private_bytes_raw()))
        return cls(X25519PrivateKey.from_private_bytes(b64decode(path.read_bytes(), validate=True)))

    @property
    def public(self) -> str:
        """What the panel has to know to seal something for this host."""
        return b64encode(self.private.public_key().public_bytes_raw()).decode()

    def open(self, sealed: str, *, bound_to: str) -> bytes:
        """What was sealed. Raises InvalidSpec if it was for another host or another purpose, or was altered."""
        try:
            return SUITE.decrypt(b64decode(sealed, validate=True), self.private, bound_to.encode())
        except (InvalidTag, ValueError) as error:
            raise InvalidSpec(
                "sealed",
                "it was not sealed for this host and this operation",
                hint="If the host was set up anew, run manage.py host forget-key NAME at the panel and ask again.",
            ) from error
