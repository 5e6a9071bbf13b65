"""Tags of log messages: text in which Docker's placeholders stand for what a container is (`{{.Name}}/{{.ID}}`)."""

import re
from collections.abc import Mapping

from engine.errors import InvalidSpec

NAMES = ("ID", "FullID", "Name", "ImageID", "ImageFullID", "ImageName", "DaemonName")
USUAL = "{{.ID}}"
_PLACEHOLDER = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


def check(field: str, tag: str) -> None:
    """Raise InvalidSpec for a placeholder nobody knows, or more of a template than that."""
    for name in _PLACEHOLDER.findall(tag):
        if name not in NAMES:
            known = ", ".join(f"{{{{.{known}}}}}" for known in NAMES)
            raise InvalidSpec(field, f"{name[:40]} is not known of a container", hint=f"Known: {known}.")
    if "{{" in _PLACEHOLDER.sub("", tag):
        raise InvalidSpec(field, f"{tag[:80]!r} holds more than placeholders such as {{{{.Name}}}}")


def render(tag: str, values: Mapping[str, str]) -> str:
    """The tag with every placeholder replaced; `values` has all of `NAMES`."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], tag or USUAL)
