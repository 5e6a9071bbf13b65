"""Which extended attributes of files travel: into archives, out of archives, between owners."""

CAPABILITY = "security.capability"
ACLS = frozenset({"system.posix_acl_access", "system.posix_acl_default"})


def is_carried(name: str) -> bool:
    """Whether archives carry the attribute.

    `trusted.*` would speak to overlayfs, the rest of `security.*` to a policy of another machine.
    """
    return name == CAPABILITY or name in ACLS or name.startswith("user.")
