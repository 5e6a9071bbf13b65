"""Makes the OCI bundle configuration of a container from what was asked, what its image says, and Docker's defaults."""

from dataclasses import replace

from engine.container import (
    bundle_devices,
    limits,
    namespaces,
    other_runtimes,
    privileged,
    process,
    seccomp_filter,
    writable_groups,
)
from engine.container.users import Identity
from engine.errors import InvalidSpec
from engine.images import Image
from engine.spec import default_sysctls, defaults, seccomp
from engine.spec.container import ContainerSpec
from engine.spec.runtime import (
    OCI_VERSION,
    Linux,
    Mount,
    Namespace,
    Personality,
    Root,
    Seccomp,
    Spec,
)
from engine.spec.runtime.checks import linux as checks

_SHORT_ID = 12


def make(
    container_id: str,
    spec: ContainerSpec,
    image: Image,
    identity: Identity,
    cgroups_path: str,
    mounts: tuple[Mount, ...] = defaults.MOUNTS,
    *,
    counts_swap: bool = True,
    can_shift: bool = True,
    shares_ids_with: str = "",
) -> Spec:
    """The `config.json` of the container; see `limits.to_oci` and `namespaces.wanted`.

    Raises InvalidSpec when there is nothing to run.
    """
    other_runtimes.check(spec, shares_ids_with)
    devices, device_rules = bundle_devices.devices(spec)
    notes = {
        defaults.STORAGE_BYTES: "" if spec.storage_bytes is None else str(spec.storage_bytes),
        defaults.RUNTIME: other_runtimes.find(spec.runtime),
    }
    rules = (*defaults.DEVICE_RULES, *device_rules)
    hostname = spec.hostname or container_id[:_SHORT_ID]
    mounts = (*mounts, *([process.init_mount()] if spec.init else ()))
    mounts = privileged.writable(mounts, writable_groups.TYPE) if spec.writable_cgroups else mounts
    own = namespaces.wanted(spec, can_shift=can_shift, shares_ids_with=shares_ids_with)
    linux = Linux(
        namespaces=own,
        cgroups_path=cgroups_path,
        resources=replace(limits.to_oci(spec.resources, counts_swap=counts_swap), devices=rules),
        seccomp=_seccomp(spec),
        sysctl=_network_settings(own) | _domain_setting(spec) | dict(spec.sysctls),
        devices=devices,
        masked_paths=defaults.MASKED_PATHS if spec.masked_paths is None else spec.masked_paths,
        readonly_paths=defaults.READONLY_PATHS if spec.readonly_paths is None else spec.readonly_paths,
        personality=Personality(spec.personality.upper()) if spec.personality else None,
        time_offsets=spec.time_offsets,
    )
    _check_names(spec)
    process.check_scheduler(spec, owns_ids=any(item.type == "user" for item in own))
    checks.sysctls("sysctls", spec.sysctls, {namespace.type for namespace in linux.namespaces})
    return Spec(
        oci_version=other_runtimes.OLDER_VERSION if spec.runtime else OCI_VERSION,
        process=process.make(spec, image, identity, hostname),
        root=Root("rootfs", spec.read_only),
        hostname=hostname,
        domainname=spec.domainname,
        mounts=privileged.mounts(mounts) if spec.privileged else mounts,
        annotations=dict(spec.annotations) | {name: value for name, value in notes.items() if value},
        linux=privileged.linux(linux) if spec.privileged else linux,
    )


def _network_settings(own: tuple[Namespace, ...]) -> dict[str, str]:
    if Namespace("network") not in own:
        return {}
    owns_ids = any(item.type == "user" for item in own)
    return default_sysctls.OF_OWN_IDS if owns_ids else default_sysctls.OF_HOSTS_IDS


def _domain_setting(spec: ContainerSpec) -> dict[str, str]:
    """Some other runtimes know a domain's name only by the kernel's name for it."""
    return {"kernel.domainname": spec.domainname} if spec.runtime and spec.domainname else {}


def _check_names(spec: ContainerSpec) -> None:
    """Names are kept by the uts namespace, so they cannot be given to one that is somebody else's."""
    for field in ("hostname", "domainname"):
        if spec.uts and getattr(spec, field):
            raise InvalidSpec(field, f"needs a uts namespace of the container's own, and uts is {spec.uts[:80]!r}")


def _seccomp(spec: ContainerSpec) -> Seccomp | None:
    """The profile asked for; a privileged container has none unless it asks for one, as with Docker."""
    if spec.privileged and not spec.seccomp:
        return None
    section = seccomp.profile_here(spec.seccomp, frozenset(process.capabilities(spec)))
    if section is not None and spec.seccomp:
        seccomp_filter.check("seccomp", section)
    return section
