"""What a bootstrap is asked: which distribution, from where, and what the image is called."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.errors import InvalidSpec
from engine.spec import codec

_SUITE = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_COMPONENT = re.compile(r"[a-z0-9][a-z0-9./-]{0,63}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}")  # Debian Policy, 5.6.7
_KEYRING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class BootstrapSpec(codec.Document):
    """A root filesystem of Debian or of a distribution made like it.

    `suite` is `bookworm` or `noble`, `mirror` an http or https URL, the distribution's own where it is empty. `keyring`
    is the file name of a keyring in one of the folders that hold such (`/usr/share/keyrings` …): what signs the suite,
    the distribution's own where it is empty. `packages` come on top of the smallest set that has apt.
    """

    reference: str
    suite: str
    mirror: str = ""
    components: tuple[str, ...] = ("main",)
    packages: tuple[str, ...] = ()
    keyring: str = ""

    def validate(self) -> None:
        """Raises InvalidSpec naming the first field that is wrong."""
        _check("suite", self.suite, _SUITE, "Write a code name, such as bookworm.")
        if self.mirror:
            _check_mirror(self.mirror)
        if not self.components:
            raise InvalidSpec("components", "must not be empty", hint="Most suites have main.")
        for index, component in enumerate(self.components):
            _check(f"components[{index}]", component, _COMPONENT, "Such as main, contrib or universe.")
        for index, package in enumerate(self.packages):
            _check(f"packages[{index}]", package, _PACKAGE, "Write a package's name, such as ca-certificates.")
        if self.keyring:
            _check("keyring", self.keyring, _KEYRING, "Write a file's name, such as debian-archive-keyring.gpg.")


def _check(field: str, value: str, pattern: re.Pattern[str], hint: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidSpec(field, f"{value[:80]!r} is not possible here", hint=hint)


def _check_mirror(value: str) -> None:
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_url = False
    if not is_url or not re.fullmatch(r"[\x21-\x7e]+", value) or value.startswith("-"):
        hint = "Write an http or https URL, such as http://mirror.example/debian."
        raise InvalidSpec("mirror", f"{value[:200]!r} is not a mirror's address", hint=hint)
    if parts.username or parts.password:
        raise InvalidSpec("mirror", "must hold no password", hint="It would be written into the image.")
