"""Whether a container's image is pulled before it is created, and what its host is told for that."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.door import Need
from panel.errors import Invalid
from panel.hosts.models import Host
from panel.images.models import Image
from panel.images.references import find
from panel.registries.access import Way, way_for
from panel.registries.names import reference


class Pull(StrEnum):
    """When the image is pulled; `missing` is if the host does not have it."""

    NEVER = "never"
    MISSING = "missing"
    ALWAYS = "always"


def policy(text: str) -> Pull:
    """The policy of that name. Raises Invalid."""
    try:
        return Pull(text)
    except ValueError:
        known = ", ".join(Pull)
        raise Invalid(_("It is one of %(names)s.") % {"names": known}, field="pull") from None


def needed(arguments: dict[str, Any]) -> list[Need]:
    """What a call that may pull takes."""
    return [] if arguments.get("pull", Pull.NEVER) == Pull.NEVER else [Need("images.pull", "pull")]


class Wanted:
    """The image a new container is made from: `image` if the host has it and need not look for a newer one.

    Raises Invalid if it has it not and must not pull it.
    """

    def __init__(self, actor: Actor, host: Host, name: str, pull: Pull) -> None:
        self._host = host
        self._way: Way | None = None
        self.image: Image | None = None if pull == Pull.ALWAYS else find(host, name)
        if self.image is None and pull == Pull.NEVER:
            raise Invalid(
                _("There is no image %(image)s on the host %(host)s.") % {"image": name, "host": host.name},
                hint=_("Pull or load the image first."),
                field="image",
            )
        if self.image is None:
            self._pull(actor, name)

    def _pull(self, actor: Actor, name: str) -> None:
        try:
            self._reference = reference(name)
            self._way = way_for(actor, self._reference.domain)
        except Invalid as refusal:
            raise Invalid(refusal.message, hint=refusal.hint, field="image") from refusal

    def payload(self, operation: UUID) -> dict[str, Any]:
        """What its host is told of the pull; nothing where none is needed."""
        if self._way is None:
            return {}
        return {"pull": {"reference": str(self._reference), "access": self._way.sealed(self._host, operation)}}
