"""Whether a container's image, and those it mounts, are pulled before; and what its host is told for that."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from engine import ContainerSpec, MountType
from panel.accounts.actors import Actor
from panel.door import Need
from panel.errors import Conflicting, Invalid
from panel.hosts.models import Host
from panel.images.models import Image
from panel.images.references import find
from panel.registries.access import Way, way_for
from panel.registries.names import reference


class Pull(StrEnum):
    """When images are pulled; `missing` are those that the host does not have."""

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
    """What a new container is made from and mounts: `image` is its own, if the host has it and need not look anew.

    Raises Invalid or Conflicting, naming the field, for an image that is to be pulled and must not or cannot be.
    """

    def __init__(self, actor: Actor, host: Host, spec: ContainerSpec, pull: Pull) -> None:
        self._actor, self._host, self._pull = actor, host, pull
        self._ways: dict[str, Way] = {}
        self.image = self._here("image", spec.image)
        for index, mount in enumerate(spec.mounts):
            if mount.type == MountType.IMAGE:
                self._here(f"mounts[{index}].source", mount.source)

    def _here(self, field: str, name: str) -> Image | None:
        image = None if self._pull == Pull.ALWAYS else find(self._host, name)
        if image is None and self._pull == Pull.NEVER:
            raise Invalid(
                _("There is no image %(image)s on the host %(host)s.") % {"image": name, "host": self._host.name},
                hint=_("Pull or load the image first."),
                field=field,
            )
        if image is None:
            try:
                wanted = reference(name)
                self._ways[str(wanted)] = way_for(self._actor, wanted.domain)
            except (Invalid, Conflicting) as refusal:
                raise type(refusal)(refusal.message, hint=refusal.hint, field=field) from refusal
        return image

    def payload(self, operation: UUID) -> dict[str, Any]:
        """What its host is told of the pulls; nothing where none is needed."""
        pulls = [
            {"reference": wanted, "access": way.sealed(self._host, operation)} for wanted, way in self._ways.items()
        ]
        return {"pulls": pulls} if pulls else {}
