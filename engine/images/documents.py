"""Reads the JSON documents of an archive: limited in size, checked in type, never trusted."""

import hashlib
import json
import re
from typing import Any, TypeVar

from engine.errors import DigestMismatch, InvalidArchive, InvalidSpec
from engine.images.limits import MAXIMUM_DOCUMENT_BYTES
from engine.spec import codec

T = TypeVar("T")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def parse(data: bytes, what: str) -> Any:
    """The JSON value; raises InvalidArchive for what is not strict JSON in UTF-8."""
    try:
        value = json.loads(data, parse_constant=_refuse)
        # A lone surrogate passes as an escape but can be written nowhere, not even into an error message.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidArchive(f"{what}: not valid JSON: {str(error)[:200]!a}") from None
    return value


def document(kind: type[T], data: bytes, what: str) -> T:
    """The JSON document as a `kind`; raises InvalidArchive naming the field that is wrong."""
    try:
        return codec.from_json(kind, parse(data, what), oci=True)
    except InvalidSpec as error:
        raise InvalidArchive(f"{what}: {printable(error.message)}") from None


def printable(text: str) -> str:
    """Text that may hold names out of an archive, safe to show: short, one line, ASCII."""
    return ascii(text[:300])[1:-1]


def check_size(what: str, size: int) -> None:
    """Raises InvalidArchive for a document too large to be one."""
    if size > MAXIMUM_DOCUMENT_BYTES:
        raise InvalidArchive(f"{what}: {size} bytes are too many; {MAXIMUM_DOCUMENT_BYTES} is the limit")


def check_digest(what: str, digest: str) -> None:
    """Raises InvalidArchive unless it is `sha256:` and 64 lower-case hexadecimal digits."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidArchive(f"{what}: {digest[:100]!a} is not a sha256 digest", hint="Only sha256 is supported.")


def check_match(what: str, expected: str, got: str) -> None:
    """Raises DigestMismatch where content is not what its digest says."""
    if expected != got:
        raise DigestMismatch(
            f"{what}: digest mismatch: expected {expected}, got {got}",
            hint="The archive was altered or damaged; make it again.",
        )


def digest_of(data: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
