"""The words for what the panel does: an operation's, an audit row's and a step's code in the reader's language."""

import re
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

OPERATIONS: dict[str, str | Promise] = {
    "containers.create": _("Create container"),
    "containers.start": _("Start container"),
    "containers.stop": _("Stop container"),
    "containers.kill": _("Kill container"),
    "containers.restart": _("Restart container"),
    "containers.remove": _("Remove container"),
    "images.load": _("Load image archive"),
    "images.import_rootfs": _("Import root filesystem"),
    "images.import": _("Import root filesystem"),
    "images.remove": _("Remove image"),
}

CAPABILITIES: dict[str, str | Promise] = {
    "kernel": _("Kernel"),
    "machine": _("Architecture"),
    "operating_system": _("Operating system"),
    "processors": _("Processors"),
    "memory_bytes": _("Memory"),
    "cgroups": _("Control groups"),
    "controllers": _("Limits by"),
    "swap_accounting": _("Swap is accounted"),
    "pressure": _("Pressure of each container"),
    "block_io_limits": _("Ceilings of disk traffic"),
    "block_io_weight": _("Weights of disk traffic"),
    "realtime_groups": _("Real time per container"),
    "hugepage_sizes": _("Huge pages"),
    "overlay_many_layers": _("Overlay with many layers"),
    "user_namespaces": _("User namespaces"),
    "bpf_lsm": _("BPF security module"),
    "btf": _("Kernel type information"),
}

ACTIONS: dict[str, str | Promise] = OPERATIONS | {
    "accounts.sign_in": _("Sign in"),
    "accounts.sign_out": _("Sign out"),
    "accounts.create_token": _("Create API token"),
    "accounts.revoke_token": _("Revoke API token"),
    "accounts.change_password": _("Change password"),
    "operations.cancel": _("Cancel operation"),
    "accounts.create": _("Create user"),
    "hosts.add": _("Add host"),
    "containers.found": _("Container found on the host"),
    "containers.vanished": _("Container gone from the host"),
    "containers.expired": _("Container removed after its end or its time"),
    "pages.open": _("Open a page"),
}

STEPS: dict[str, str | Promise] = {
    "read archive": _("Read the archive"),
    "unpack root filesystem": _("Unpack the root filesystem"),
    "store": _("Store the image"),
}
LAYER_STEP = re.compile(r"layer (\d+) of (\d+) \((\w+)\)")

HOW: dict[str, str | Promise] = {
    "session": _("signed in here"),
    "token": _("API token"),
    "cli": _("command line"),
    "system": _("the panel itself"),
}

ROLES: dict[str, str | Promise] = {"viewer": _("viewer"), "operator": _("operator"), "admin": _("administrator")}


def operation_words(kind: str) -> str:
    """What an operation does; an unknown kind speaks for itself."""
    return str(OPERATIONS.get(kind, kind))


def action_words(action: str) -> str:
    """What an audit row tells of; an unknown action speaks for itself."""
    return str(ACTIONS.get(action, action))


def step_words(name: str) -> str:
    """One step of an operation; a name this panel does not know yet is shown as the host said it."""
    if layer := LAYER_STEP.fullmatch(name):
        number, count, digest = layer.groups()
        return gettext("Layer %(number)s of %(count)s, %(digest)s") % {
            "number": number,
            "count": count,
            "digest": digest,
        }
    return str(STEPS.get(name, name))


def how_words(how: str) -> str:
    """How someone was authenticated."""
    return str(HOW.get(how, how))


def role_words(role: str) -> str:
    """A role's name; one that an administrator made has its own."""
    return str(ROLES.get(role, role))


def capability_words(name: str) -> str:
    """The label of a host's capability; one that this panel does not know yet is named by its own term."""
    return str(CAPABILITIES.get(name, name.replace("_", " ")))


def capability_value(value: Any) -> str:
    """What a host told of one capability."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or gettext("none")
    return str(value) if value not in (None, "") else gettext("no")
