"""The roles people are given: groups of permissions, kept as this list says after every migration."""

from typing import Any

from django.apps.config import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEWER = frozenset(
    {
        "containers.view",
        "containers.logs",
        "images.view",
        "operations.view",
        "hosts.view",
        "volumes.view",
        "registries.view",
        "distribution.pull",
    }
)
OPERATOR = VIEWER | {
    "containers.create",
    "containers.operate",
    "containers.exec",
    "containers.files",
    "containers.delete",
    "volumes.manage",
    "volumes.files",
    "images.load",
    "images.save",
    "images.delete",
    "images.pull",
    "images.push",
    "images.tag",
    "registries.use",
    "operations.cancel",
    "distribution.push",
    "distribution.delete",
}
ADMIN = OPERATOR | {
    "containers.create_privileged",
    "audit.view",
    "accounts.manage",
    "registries.manage",
    "distribution.manage",
}

ROLES = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}
PERMISSIONS = ADMIN


def seed(sender: AppConfig, **kwargs: Any) -> None:
    """Give each role exactly its permissions; called after every app's migration, the last of ours completes it."""
    if sender.label != "containers":  # Django has made the permissions of those before
        return
    create_permissions(sender, verbosity=0)
    for role, permissions in ROLES.items():
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set(Permission.objects.filter(_named(permissions)))


def _named(permissions: frozenset[str]) -> Q:
    condition = Q()
    for permission in permissions:
        app, codename = permission.split(".")
        condition |= Q(content_type__app_label=app, codename=codename)
    return condition
