"""Registries and the credentials for them."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, When
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from engine import Credentials, RegistryAccess
from panel.audit.subject import Subject
from panel.secrets import vault
from panel.secrets.fields import SecretField

if TYPE_CHECKING:
    from panel.accounts.models import User


class RegistryQuerySet(models.QuerySet["Registry"]):
    """Questions asked of registries."""

    def visible_to(self, user: "User") -> "RegistryQuerySet":
        """Those `user` may see: all of them, with `registries.view`."""
        return self if user.has_perm("registries.view") else self.none()

    def search(self, text: str) -> "RegistryQuerySet":
        """Those whose name or title holds `text`."""
        return self.filter(Q(name__icontains=text) | Q(title__icontains=text))


class Registry(models.Model):
    """How one registry is reached. `name` is as references have it: `docker.io`, `127.0.0.1:5000`.

    `ca_certificates` are PEM; `mirrors` a list of addresses, tried in order for pulls.
    """

    name = models.CharField(_("name"), max_length=255, unique=True)
    title = models.CharField(_("title"), max_length=100, blank=True)
    ca_certificates = models.TextField(_("certificates"), blank=True)
    is_insecure = models.BooleanField(_("insecure"), default=False)
    mirrors = models.JSONField(_("mirrors"), default=list)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = RegistryQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("view", "See registries"),
            ("use", "Sign in at registries with shared credentials, and keep one's own"),
            ("manage", "Add, change and remove registries and shared credentials"),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("registry", str(self.pk), self.name)

    def access(self, credentials: Credentials | None = None) -> RegistryAccess:
        """How the engine reaches it, with those credentials."""
        return RegistryAccess(
            registry=self.name,
            credentials=credentials,
            ca_certificates=self.ca_certificates,
            is_insecure=self.is_insecure,
            mirrors=tuple(self.mirrors),
        )


class CredentialQuerySet(models.QuerySet["Credential"]):
    """Questions asked of credentials."""

    def usable_by(self, user: "User | None") -> "CredentialQuerySet":
        """Those that may be used for `user`, the closest first: one's own, those of one's groups, the shared ones.

        Without a user, for the panel itself, only the shared ones.
        """
        shared = Q(user=None, group=None)
        theirs = shared if user is None else shared | Q(user=user) | Q(group__in=user.groups.all())
        closest = Case(When(user__isnull=False, then=0), When(group__isnull=False, then=1), default=2)
        return self.filter(theirs).order_by(closest, "pk")

    def visible_to(self, user: "User") -> "CredentialQuerySet":
        """Those `user` may know of: what they may use; with `registries.manage`, all."""
        if not user.has_perm("registries.view"):
            return self.none()
        return self.all() if user.has_perm("registries.manage") else self.usable_by(user)


class Credential(models.Model):
    """Who signs in at a registry. It belongs to a user or to a group; to neither if all may use it.

    `secret` is encrypted: a password, an access token, or an identity token that a registry gave out.
    """

    registry = models.ForeignKey(
        Registry, verbose_name=_("registry"), on_delete=models.CASCADE, related_name="credentials"
    )
    username = models.CharField(_("user name"), max_length=255, blank=True)
    secret = SecretField(_("secret"))
    is_identity_token = models.BooleanField(_("identity token"), default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), null=True, on_delete=models.CASCADE, related_name="+"
    )
    group = models.ForeignKey(
        "auth.Group", verbose_name=_("group"), null=True, on_delete=models.CASCADE, related_name="+"
    )
    last_used_at = models.DateTimeField(_("last used"), null=True)
    checked_at = models.DateTimeField(_("checked"), null=True)
    check_error = models.TextField(_("what the check found"), blank=True)
    created_by_name = models.CharField(_("added by"), max_length=200)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["registry__name", "username", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(user=None) | Q(group=None), name="credential_of_user_or_group")
        ]

    def __str__(self) -> str:
        return f"{self.username or gettext('token')} @ {self.registry.name}"

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("credential", str(self.pk), str(self))

    @property
    def is_shared(self) -> bool:
        """Whether it belongs to nobody in particular."""
        return self.user_id is None and self.group_id is None

    def told(self) -> dict[str, Any]:
        """What the audit log says of it: everything but the secret."""
        return {
            "registry": self.registry.name,
            "username": self.username,
            "user": self.user.get_username() if self.user else None,
            "group": self.group.name if self.group else None,
        }

    def opened(self) -> Credentials:
        """With its secret, for the engine. Raises SecretLost."""
        secret = vault.decrypt(self.secret)
        if self.is_identity_token:
            return Credentials(self.username, identity_token=secret)
        return Credentials(self.username, password=secret)
