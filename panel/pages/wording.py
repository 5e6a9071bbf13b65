"""The words for what the panel does: an operation's, an audit row's and a step's code in the reader's language."""

import re
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

OPERATIONS: dict[str, str | Promise] = {
    "containers.create": _("Create container"),
    "containers.start": _("Start container"),
    "containers.stop": _("Stop container"),
    "containers.kill": _("Kill container"),
    "containers.restart": _("Restart container"),
    "containers.remove": _("Remove container"),
    "containers.pause": _("Pause container"),
    "containers.unpause": _("Resume container"),
    "containers.rename": _("Rename container"),
    "containers.update": _("Change container"),
    "containers.exec": _("Run a program in a container"),
    "containers.commit": _("Make an image of a container"),
    "containers.copy_in": _("Copy files into a container"),
    "containers.prune": _("Remove containers that do not run"),
    "volumes.create": _("Create volume"),
    "volumes.resize": _("Change a volume's size"),
    "volumes.rename": _("Rename volume"),
    "volumes.clone": _("Clone volume"),
    "volumes.back_up": _("Back up volume"),
    "volumes.restore": _("Restore volume"),
    "volumes.restore_upload": _("Restore volume from a file"),
    "volumes.remove_backup": _("Remove backup"),
    "volumes.remove": _("Remove volume"),
    "volumes.prune": _("Remove volumes that are not used"),
    "files.put": _("Upload a file"),
    "files.make_folder": _("Make a folder"),
    "files.move": _("Move a file or folder"),
    "files.remove": _("Remove files"),
    "files.change_access": _("Change modes and owners of files"),
    "images.load": _("Load image archive"),
    "images.import_rootfs": _("Import root filesystem"),
    "images.import": _("Import root filesystem"),
    "images.bootstrap": _("Make image of a distribution"),
    "images.remove": _("Remove image"),
    "images.prune": _("Remove images that are not used"),
    "images.pull": _("Pull image"),
    "images.push": _("Push image"),
    "images.tag": _("Tag image"),
    "images.check_updates": _("Look for newer images"),
    "registries.check": _("Check sign-in"),
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
    "apparmor": "AppArmor",
    "selinux": "SELinux",
    "bpf_lsm": _("BPF security module"),
    "btf": _("Kernel type information"),
}

ACTIONS: dict[str, str | Promise] = OPERATIONS | {
    "images.save": _("Download images"),
    "volumes.schedule": _("Schedule backups"),
    "volumes.unschedule": _("End scheduled backups"),
    "volumes.list_backups": _("List backups"),
    "volumes.download": _("Download what a volume holds"),
    "accounts.sign_in": _("Sign in"),
    "accounts.sign_out": _("Sign out"),
    "accounts.create_token": _("Create API token"),
    "accounts.revoke_token": _("Revoke API token"),
    "accounts.change_password": _("Change password"),
    "operations.cancel": _("Cancel operation"),
    "accounts.create": _("Create user"),
    "hosts.add": _("Add host"),
    "hosts.forget_key": _("Forget a host's key"),
    "secrets.rotate": _("Encrypt secrets with a new key"),
    "containers.found": _("Container found on the host"),
    "containers.vanished": _("Container gone from the host"),
    "containers.expired": _("Container removed after its end or its time"),
    "containers.export": _("Export a container's files"),
    "containers.copy_out": _("Read files of a container"),
    "files.read": _("Read files"),
    "files.change": _("Change files"),
    "files.list": _("List a folder"),
    "files.stat": _("Look at a file"),
    "files.view": _("View a file"),
    "files.download": _("Download files"),
    "files.count": _("Count what would be removed"),
    "registries.add": _("Add registry"),
    "registries.change": _("Change registry"),
    "registries.remove": _("Remove registry"),
    "registries.add_credential": _("Add credential"),
    "registries.change_credential": _("Change a credential's secret"),
    "registries.remove_credential": _("Remove credential"),
    "registries.import_docker_config": _("Import Docker's sign-ins"),
    "pages.open": _("Open a page"),
    "distribution.push": _("Push to the registry"),
    "distribution.pull": _("Pull from the registry"),
    "distribution.delete": _("Delete a manifest of the registry"),
    "distribution.delete_tag": _("Delete a tag of the registry"),
    "distribution.delete_repository": _("Delete a repository of the registry"),
    "distribution.delete_blob": _("Delete a blob of the registry"),
    "distribution.create_namespace": _("Create a namespace of the registry"),
    "distribution.change_namespace": _("Change a namespace of the registry"),
    "distribution.delete_namespace": _("Delete a namespace of the registry"),
    "distribution.retain": _("Apply the registry's rules"),
}

STEPS: dict[str, str | Promise] = {
    "read archive": _("Read the archive"),
    "unpack root filesystem": _("Unpack the root filesystem"),
    "store": _("Store the image"),
    "ask registry": _("Ask the registry"),
    "ask registries": _("Ask the registries"),
    "configuration": _("Configuration"),
    "manifest": _("Manifest"),
}
LAYER_STEP = re.compile(r"layer (\d+) of (\d+) \((\w+)\)")

PHASES: dict[str, str | Promise] = {
    "downloading": _("downloading"),
    "verifying": _("verifying"),
    "extracting": _("extracting"),
    "uploading": _("uploading"),
    "compressing": _("compressing"),
    "exists": _("already there"),
}

HOW: dict[str, str | Promise] = {
    "session": _("signed in here"),
    "token": _("API token"),
    "password": _("name and password"),
    "anonymous": _("not signed in"),
    "cli": _("command line"),
    "system": _("the panel itself"),
}

ENDED_BY: dict[str, str | Promise] = {
    "stop": _("%(by)s stopped it"),
    "kill": _("%(by)s killed it"),
    "restart": _("%(by)s restarted it"),
    "remove": _("%(by)s removed it"),
    "start": _("%(by)s started it anew"),
    "expire": _("its time to live was over"),
    "unhealthy": _("its health check failed"),
}

RESTARTS: dict[str, str | Promise] = {
    "no": _("never"),
    "on-failure": _("after a failure"),
    "always": _("always"),
    "unless-stopped": _("unless it was stopped"),
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


def phase_words(phase: str) -> str:
    """What a step of an operation is at; a phase this panel does not know yet is shown as the host said it."""
    return str(PHASES.get(phase, phase))


def step_state_words(step: dict[str, Any], operation_status: str) -> str:
    """How a step of an operation does; nothing where it only runs."""
    phase = step.get("phase") or ""
    match step["status"]:
        case "waiting":
            return gettext("waiting") if operation_status in ("queued", "running") else gettext("not begun")
        case "done":
            return phase_words(phase) if phase == "exists" else gettext("done")
        case "failed" if operation_status == "cancelled":
            return gettext("not finished")
        case "failed":
            return gettext("failed while %(phase)s") % {"phase": phase_words(phase)} if phase else gettext("failed")
    is_all_here = phase == "downloading" and 0 < step["total"] <= step["current"]
    return gettext("downloaded") if is_all_here else phase_words(phase)


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


def ended_words(asked: dict[str, Any] | None) -> str:
    """Who wanted a container's end, as its death certificate has it (`engine.Death.asked`); nobody, if that is None."""
    if not asked:
        return gettext("nobody; it ended by itself")
    words = str(ENDED_BY.get(asked["verb"], asked["verb"]))
    return words % {"by": asked["by"] or gettext("somebody on the host")}


def restart_words(policy: dict[str, Any] | None) -> str:
    """When a container is started again (`engine.RestartPolicy`)."""
    name = (policy or {}).get("name") or "no"
    words = str(RESTARTS.get(name, name))
    most = (policy or {}).get("max_retries")
    if not most:
        return words
    text = ngettext("%(when)s, %(most)d time at most", "%(when)s, %(most)d times at most", most)
    return text % {"when": words, "most": most}


def seconds_words(seconds: float | None) -> str:
    """A length of time: 34 ms, 2.1 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None:
        return ""
    for size, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size:.0f} {name} {seconds % size // part:.0f} {part_name}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
