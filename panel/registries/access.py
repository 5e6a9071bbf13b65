"""Which way into a registry an operation gets: how it is reached, with whose credentials, sealed for its host."""

import json
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from engine import RegistryAccess
from panel.accounts.actors import Actor
from panel.errors import Conflicting, Invalid, Missing
from panel.hosts.models import Host
from panel.registries.models import Credential, Registry
from panel.secrets.sealing import seal


@dataclass(frozen=True)
class Way:
    """How a registry is reached for somebody; `credential` is None where nobody signs in."""

    access: RegistryAccess
    credential: Credential | None

    @property
    def signs_in(self) -> str:
        """Who signs in, for the audit log; empty for nobody."""
        return self.credential.username or str(self.credential.pk) if self.credential else ""

    @property
    def fingerprint(self) -> str:
        """The same for the same way alone: address, certificates and who signs in with what. It tells none of it."""
        return salted_hmac("panel.registries.access", json.dumps(self.access.to_json(), sort_keys=True)).hexdigest()

    def sealed(self, host: Host, operation: UUID) -> str:
        """All of it as only `host` can read it, for this one operation; the credential has been used then."""
        if self.credential:
            Credential.objects.filter(pk=self.credential.pk).update(last_used_at=timezone.now())
        return sealed(self.access, host, operation)


def sealed(access: RegistryAccess, host: Host, operation: UUID) -> str:
    """The access as only `host` can read it. Conflicting while the host has not told its key."""
    if not host.sealing_key:
        raise Conflicting(
            _("The host %(host)s has not told its key yet.") % {"host": host.name},
            hint=_("It does with its first report: try again in a moment."),
        )
    return seal(host.sealing_key, json.dumps(access.to_json()).encode(), bound_to=str(operation))


def way_for(actor: Actor, name: str, credential: Credential | None = None) -> Way:
    """The way to the registry of that name: with `credential`, else with the closest that the actor may use.

    A registry nobody has set up is reached as any public one. Raises Conflicting for one that is switched off, Invalid
    for a credential that is another registry's.
    """
    registry = Registry.objects.filter(name=name).first() or Registry(name=name)
    if not registry.is_enabled:
        raise Conflicting(
            _("The registry %(name)s is switched off here.") % {"name": name},
            hint=_("An administrator can switch it on again."),
            field="reference",
        )
    if credential is not None and credential.registry.name != name:
        raise Invalid(_("That is a credential for another registry."), field="credential")
    if credential is None and registry.pk and actor.may("registries.use"):
        credential = registry.credentials.all().usable_by(actor.user).first()
    return Way(registry.access(credential.opened() if credential else None), credential)


def check_usable(actor: Actor, credential: Credential) -> None:
    """Missing unless the actor may use it: what one may not use one may not know of."""
    if not Credential.objects.all().usable_by(actor.user).filter(pk=credential.pk).exists():
        raise Missing(_("There is no such credential."), field="credential")
