"""Template tags for what is inside an image: nothing that its maker wrote can look like anything but what it is."""

import json
import shlex
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from panel.pages.templatetags.states import badge

register = template.Library()

CHANGES: dict[str, tuple[str, str | Promise]] = {
    "added": ("go", _("Added")),
    "changed": ("", _("Changed")),
    "deleted": ("fail", _("Deleted")),
}
TYPES: dict[str, str | Promise] = {
    "folder": _("folder"),
    "link": _("link"),
    "device": _("device"),
    "pipe": _("pipe"),
    "socket": _("socket"),
}
FIELDS: dict[str, str | Promise] = {
    "os": _("Operating system"),
    "architecture": _("Architecture"),
    "variant": _("Variant"),
    "created_at": _("Created"),
    "user": _("User"),
    "working_dir": _("Working directory"),
    "entrypoint": _("Entrypoint"),
    "command": _("Command"),
    "env": _("Environment"),
    "exposed_ports": _("Ports"),
    "volumes": _("Volumes"),
    "labels": _("Labels"),
    "stop_signal": _("Stop signal"),
    "health": _("Health check"),
}


@register.filter
def visible(text: Any) -> str:
    """The text with every character spelled out that shows as nothing, or that turns the text around it."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text))


@register.filter
def octal(mode: int) -> str:
    """Permission bits as chmod(1) takes them."""
    return f"{mode:04o}"


@register.filter
def one_line(value: Any) -> str:
    """A value of a configuration: words as one would type them, text as it is, anything else as JSON."""
    if isinstance(value, list):
        return shlex.join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def type_words(name: str) -> str:
    """What kind of file it is."""
    return str(TYPES.get(name, name))


@register.filter
def field_words(name: str) -> str:
    """A field of an image's configuration."""
    return str(FIELDS.get(name, name))


@register.simple_tag
def file_change(kind: str) -> SafeString:
    """What became of a path, as a badge."""
    tone, words = CHANGES[kind]
    return badge(tone, str(words))
