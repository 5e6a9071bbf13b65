"""features: what this runtime knows of the specification, as runtime-spec's features document (features.md)."""

from dataclasses import fields
from typing import Any

from engine.spec import codec
from engine.spec.mount_options import KNOWN
from engine.spec.runtime import OCI_VERSION, Hooks
from engine.spec.runtime.checks import seccomp
from engine.spec.runtime.checks.linux import NAMESPACES
from engine.sys import names


def document() -> dict[str, Any]:
    """The document. It tells of the code, not of this host: see `Engine.capabilities` for that."""
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": [codec.key_of(field, oci=True) for field in fields(Hooks)],
        "mountOptions": list(KNOWN),
        "linux": {
            "namespaces": sorted(NAMESPACES),
            "capabilities": [f"CAP_{name}" for name in names.CAPABILITIES],
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": list(seccomp.ACTIONS),
                "operators": list(seccomp.OPERATORS),
                "archs": list(seccomp.ARCHITECTURES),
                "knownFlags": list(seccomp.FLAGS),
                "supportedFlags": list(seccomp.FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": True},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
    }
