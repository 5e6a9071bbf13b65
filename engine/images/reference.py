"""Names of images, by the grammar of the distribution project: registry, path, tag and digest."""

import re
from dataclasses import dataclass, replace
from typing import Self

from engine.errors import InvalidSpec

DEFAULT_DOMAIN = "docker.io"
LIBRARY = "library/"
DEFAULT_TAG = "latest"
MAXIMUM_NAME_LENGTH = 255

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_HINT = "Write it like busybox, busybox:1.36 or registry.example.org:5000/team/app:2.1."


@dataclass(frozen=True)
class Reference:
    """A full reference: `domain` and `path` are always there, `tag` and `digest` may be empty, but not both."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference in any of its short forms: `busybox` is `docker.io/library/busybox:latest`.

        Raises InvalidSpec saying which part is wrong.
        """
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _invalid(text, f"{digest[:80]!r} is not a digest such as sha256:<64 hexadecimal digits>")
        name, tag = _split_tag(rest)
        if tag is not None and not _TAG.fullmatch(tag):
            raise _invalid(text, f"{tag[:140]!r} is not a tag (letters, digits, '_', '.', '-'; at most 128)")
        domain, path = _split_domain(name)
        _check_name(text, domain, path)
        return cls(domain, path, DEFAULT_TAG if tag is None and not digest else tag or "", digest)

    @property
    def repository(self) -> str:
        """Domain and path: `docker.io/library/busybox`."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The short form people write: `busybox:latest`."""
        if self.domain != DEFAULT_DOMAIN:
            return str(self)
        bare = self.path.removeprefix(LIBRARY)
        short = bare if "/" not in bare else self.path
        # docker.io/localhost/app must not become localhost/app, which names another registry.
        return str(self) if "/" in short and _is_host(short.partition("/")[0]) else short + self._suffix

    def without_digest(self) -> Self:
        """The same name by tag alone."""
        return replace(self, digest="", tag=self.tag or DEFAULT_TAG)

    def __str__(self) -> str:
        return self.repository + self._suffix

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def _split_tag(text: str) -> tuple[str, str | None]:
    """A colon after the last slash starts the tag; any other belongs to a registry's port."""
    colon = text.rfind(":")
    if colon <= text.rfind("/"):
        return text, None
    return text[:colon], text[colon + 1 :]


def _split_domain(name: str) -> tuple[str, str]:
    """Registry and path; a short name belongs to Docker Hub, and there to `library/`."""
    first, slash, rest = name.partition("/")
    domain, path = (first, rest) if slash and _is_host(first) else (DEFAULT_DOMAIN, name)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = LIBRARY + path
    return domain, path


def _is_host(component: str) -> bool:
    """Whether a name's first component is a registry: it has a dot, a port or capitals, or is `localhost`."""
    return "." in component or ":" in component or component == "localhost" or component != component.lower()


def _check_name(text: str, domain: str, path: str) -> None:
    if len(domain) + 1 + len(path) > MAXIMUM_NAME_LENGTH:
        raise _invalid(text, f"the name is longer than {MAXIMUM_NAME_LENGTH} characters")
    if not _DOMAIN.fullmatch(domain):
        raise _invalid(text, f"{domain[:80]!r} is not a registry's host name")
    if path != path.lower():
        raise _invalid(text, "the repository's name must be in lower case")
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise _invalid(text, f"{component[:80]!r} is not a part of a repository's name")
    if re.fullmatch(r"library/[a-f0-9]{64}", path):
        raise _invalid(text, "a name of 64 hexadecimal digits would be taken for an image's id")


def _invalid(text: str, reason: str) -> InvalidSpec:
    return InvalidSpec("reference", f"{text[:300]!r} is not an image's name: {reason}", hint=_HINT)
