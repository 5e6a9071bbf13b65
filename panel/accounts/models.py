"""Users and the tokens their programs sign in with."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken

from panel.audit.subject import Subject


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox is not typed
    """A person who may sign in; what they may do comes from the groups named in `panel/accounts/roles.py`."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    language = models.CharField(_("language"), max_length=16, blank=True)
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.AUTO)

    class Meta(AbstractUser.Meta):
        default_permissions = ()
        permissions = [("manage", "Manage users and their roles")]


class Token(AbstractAuthToken):  # type: ignore[misc]
    """An API token: stored as a digest, shown once.

    `scopes` narrows it to some of its user's permissions (`["containers.view"]`); empty means all of them.
    """

    name = models.CharField(_("name"), max_length=100)
    scopes = models.JSONField(_("scopes"), default=list)

    class Meta:
        default_permissions = ()
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> Subject:
        """How the audit log names it; the digest would be too much to tell."""
        return Subject("token", self.token_key, self.name)
