"""A registry's name as references have it, from what people write: an address, or one of Docker Hub's many names."""

from django.utils.translation import gettext as _

from engine import InvalidSpec, Reference
from panel.errors import Invalid

DOCKER_HUB = "docker.io"
HUBS = {"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com", DOCKER_HUB}


def registry_name(text: str) -> str:
    """`https://index.docker.io/v1/` is `docker.io`. Raises Invalid for what no reference could begin with."""
    name = text.strip().removeprefix("https://").removeprefix("http://").partition("/")[0]
    if name in HUBS:
        return DOCKER_HUB
    try:
        domain = Reference.parse(f"{name}/name/name").domain
    except InvalidSpec:
        domain = ""
    if not name or domain != name:
        raise Invalid(
            _("%(name)s cannot be a registry's name.") % {"name": name[:100] or "?"},
            hint=_("It is a host's name with a dot or a port, such as registry.example.org or localhost:5000."),
            field="name",
        )
    return name


def reference(text: str) -> Reference:
    """The full reference somebody means. Raises Invalid saying what is wrong with it."""
    try:
        return Reference.parse(text.strip())
    except InvalidSpec as error:
        raise Invalid(error.message.removeprefix("reference: "), hint=error.hint, field="reference") from error
