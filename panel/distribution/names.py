"""The grammar of what clients name: repositories, tags, digests (OCI distribution specification 1.1).

All of it is checked before anything is looked up, so no name ever becomes a path that leads elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from panel.audit.subject import Subject
from panel.distribution.errors import DigestInvalid, NameInvalid, TagInvalid, TooManyTags

LONGEST_NAME = 255
MOST_TAGS = 50
"""Tags that one request may push a manifest under."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAMESPACE = re.compile(_COMPONENT)
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True)
class RepositoryName:
    """What a repository is called, whether it is there or not."""

    name: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name, if a repository may be called that (`team/app`). Raises NameInvalid."""
        if len(name) > LONGEST_NAME or not _REPOSITORY.fullmatch(name):
            raise NameInvalid(
                f"{name[:LONGEST_NAME]!r} is not a repository's name", hint="Such as team/app.", field="name"
            )
        return cls(name)

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("repository", self.name[:200], self.name)


def check_namespace(name: str) -> str:
    """`name` itself, if a namespace may be called that. Raises NameInvalid."""
    if not is_namespace(name):
        raise NameInvalid(
            f"{name[:100]!r} is not a namespace's name",
            hint="Small letters and digits, between them single dots and underscores, or hyphens.",
            field="name",
        )
    return name


def is_namespace(name: str) -> bool:
    """Whether a namespace may be called that."""
    return len(name) <= 100 and _NAMESPACE.fullmatch(name) is not None


def namespace_of(repository: str) -> str:
    """The first component of a repository's name."""
    return repository.partition("/")[0]


def is_digest(text: str) -> bool:
    """Whether it is the digest of an algorithm this registry computes: sha256, sha512."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether a tag may be called that."""
    return _TAG.fullmatch(text) is not None


def check_digest(text: str) -> str:
    """`text` itself, if it is a digest. Raises DigestInvalid."""
    if not is_digest(text):
        raise DigestInvalid(f"{text[:140]!r} is not a sha256 or sha512 digest", field="digest")
    return text


def check_reference(text: str) -> str:
    """`text` itself, if it is a tag or a digest. Raises DigestInvalid for what has a colon, else TagInvalid."""
    if ":" in text:
        return check_digest(text)
    if not is_tag(text):
        raise TagInvalid(f"{text[:128]!r} is not a tag", field="tag")
    return text


def check_tags(texts: Sequence[str]) -> None:
    """Raise TagInvalid or TooManyTags unless a manifest may be pushed under all of them at once."""
    if len(texts) > MOST_TAGS:
        raise TooManyTags(f"one request has {MOST_TAGS} tags at most", field="tag")
    for text in texts:
        if not is_tag(text):
            raise TagInvalid(f"{text[:128]!r} is not a tag", field="tag")
