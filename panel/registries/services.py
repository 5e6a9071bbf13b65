"""What may be asked of registries and credentials. A secret goes in and never comes out, nor is it in the audit log."""

from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from engine import Credentials, InvalidSpec, RegistryAccess
from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.door import Need, service
from panel.errors import Conflicting, Invalid, Missing, in_callers_terms
from panel.hosts.choice import host_named
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.registries import docker_config
from panel.registries.access import check_usable, way_for
from panel.registries.models import Credential, Registry
from panel.registries.names import registry_name
from panel.secrets import vault

TITLE_LENGTH = 100
MOST_CREDENTIALS = 200  # of one owner


@service("registries.manage")
def add(*, actor: Actor, name: str, how: dict[str, Any] | None = None) -> Registry:
    """Set up a registry; `how` are `title`, `ca_certificates`, `is_insecure`, `mirrors`, `is_enabled`.

    Raises Invalid naming the field, Conflicting for one that is there.
    """
    registry = _checked(Registry(name=registry_name(name)), how or {})
    try:
        with transaction.atomic():
            registry.save()
    except IntegrityError:
        raise Conflicting(_("%(name)s is here already.") % {"name": registry.name}, field="name") from None
    audit.record(actor=actor, action="registries.add", subject=registry.subject, after=_told(registry))
    return registry


@service("registries.manage")
def change(*, actor: Actor, registry: Registry, how: dict[str, Any]) -> Registry:
    """Change how it is reached; what is not in `how` stays."""
    before = _told(registry)
    _checked(registry, how).save()
    audit.record(
        actor=actor, action="registries.change", subject=registry.subject, before=before, after=_told(registry)
    )
    return registry


@service("registries.manage")
def remove(*, actor: Actor, registry: Registry) -> None:
    """Forget it and its credentials. Afterwards it is reached as any public one."""
    credentials = [credential.told() for credential in registry.credentials.select_related("registry", "user", "group")]
    before = _told(registry) | {"credentials": credentials}
    audit.record(actor=actor, action="registries.remove", subject=registry.subject, before=before)
    registry.delete()


def _for_others(arguments: dict[str, Any]) -> Need | None:
    """To keep a credential for others takes more than to keep one's own."""
    return None if arguments.get("is_own", True) else Need("registries.manage", "a credential for others")


@service("registries.use", further=_for_others)
def add_credential(
    *,
    actor: Actor,
    registry: str,
    username: str,
    secret: str,
    is_identity_token: bool = False,
    is_own: bool = True,
    group: Group | None = None,
) -> Credential:
    """Keep who signs in at the registry of that name: the actor's own, else `group`'s, else for all.

    One that the same owner has for the same user name is replaced. A registry nobody has set up is noted as it is.
    """
    name = registry_name(registry)
    _check_secret(username, secret, is_identity_token)
    if is_own and actor.user is None:
        raise Invalid(_("Nobody is signed in whose it could be."), field="is_own")
    known, is_new = Registry.objects.get_or_create(name=name)
    if is_new:
        audit.record(actor=actor, action="registries.add", subject=known.subject, after=_told(known))
    owner: dict[str, Any] = {"user": actor.user, "group": None} if is_own else {"user": None, "group": group}
    if Credential.objects.filter(**owner).count() >= MOST_CREDENTIALS:
        raise Invalid(_("There are %(count)d credentials already.") % {"count": MOST_CREDENTIALS}, field="registry")
    credential = known.credentials.select_for_update().filter(username=username, **owner).first() or Credential(
        registry=known, username=username, created_by_name=actor.name, **owner
    )
    _keep(credential, secret, is_identity_token)
    audit.record(actor=actor, action="registries.add_credential", subject=credential.subject, after=credential.told())
    return credential


@service("registries.use")
def change_secret(*, actor: Actor, credential: Credential, secret: str) -> Credential:
    """Give it another secret. Missing for one that is not the actor's to change."""
    _check_is_theirs(actor, credential)
    _check_secret(credential.username, secret, credential.is_identity_token)
    _keep(credential, secret, credential.is_identity_token)
    audit.record(
        actor=actor, action="registries.change_credential", subject=credential.subject, after=credential.told()
    )
    return credential


@service("registries.use")
def remove_credential(*, actor: Actor, credential: Credential) -> None:
    """Forget it. Missing for one that is not the actor's to remove."""
    _check_is_theirs(actor, credential)
    audit.record(
        actor=actor, action="registries.remove_credential", subject=credential.subject, before=credential.told()
    )
    credential.delete()


@service("registries.use")
def check_credential(*, actor: Actor, credential: Credential, host: str = "") -> Operation:
    """Ask a host to sign in with it, and do nothing else. How it went is kept with the credential."""
    check_usable(actor, credential)
    way, on = way_for(actor, credential.registry.name, credential), host_named(host)
    audit.record(actor=actor, action="registries.check", subject=credential.subject, after={"host": on.name})
    return operations.request(
        actor=actor,
        kind="registries.check",
        host=on.name,
        subject=credential.subject,
        payload=lambda operation: {"access": way.sealed(on, operation)},
    )


@service("registries.use")
def import_docker_config(*, actor: Actor, config: object) -> list[Credential]:
    """Keep as the actor's own every sign-in of a `~/.docker/config.json`. Raises Invalid."""
    return [
        add_credential(
            actor=actor,
            registry=one.registry,
            username=one.username,
            secret=one.secret,
            is_identity_token=one.is_identity_token,
        )
        for one in docker_config.sign_ins(config)
    ]


def _check_is_theirs(actor: Actor, credential: Credential) -> None:
    is_own = actor.user is not None and credential.user_id == actor.user.pk
    if not is_own and not actor.may("registries.manage"):
        raise Missing(_("There is no such credential."), field="credential")


def _check_secret(username: str, secret: str, is_identity_token: bool) -> None:
    if not secret:
        raise Invalid(_("It must not be empty."), field="secret")
    if not username and not is_identity_token:
        raise Invalid(_("It must not be empty."), field="username")
    try:
        Credentials(username, password=secret)
    except InvalidSpec as error:
        field = "username" if error.field.endswith("username") else "secret"
        raise Invalid(error.message.removeprefix(f"{error.field}: "), field=field) from error


def _keep(credential: Credential, secret: str, is_identity_token: bool) -> None:
    credential.secret = vault.encrypt(secret)
    credential.is_identity_token = is_identity_token
    credential.checked_at, credential.check_error = None, ""
    credential.save()


def _checked(registry: Registry, how: dict[str, Any]) -> Registry:
    """The registry with those values, held to the engine's own rules."""
    for name, value in how.items():
        setattr(registry, name, value)
    registry.mirrors = [mirror.strip().rstrip("/") for mirror in registry.mirrors if mirror.strip()]
    registry.title = registry.title.strip()[:TITLE_LENGTH]
    registry.ca_certificates = registry.ca_certificates.strip()
    with in_callers_terms():
        RegistryAccess.from_json(registry.access().to_json())
    return registry


def _told(registry: Registry) -> dict[str, Any]:
    """What the audit log says of it."""
    names = ("title", "ca_certificates", "is_insecure", "mirrors", "is_enabled")
    return {name: getattr(registry, name) for name in names}
