"""The small checks a container's specification has to pass; each raises InvalidSpec naming its field."""

import re
from collections.abc import Mapping

from engine.errors import InvalidSpec
from engine.spec.values import between
from engine.sys import names

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
LABEL = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_ACCOUNT = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}\$?"
GROUP = re.compile(_ACCOUNT)
USER = re.compile(rf"{_ACCOUNT}(:({_ACCOUNT})?)?|:{_ACCOUNT}")
MAXIMUM_BYTES = 1 << 62
MAXIMUM_ID = (1 << 32) - 2  # (uid_t)-1 is not a user


def container_name(value: str) -> None:
    """Docker's rule: a letter or digit, then letters, digits, `_`, `.` or `-`; at most 128."""
    if not NAME.fullmatch(value):
        raise InvalidSpec(
            "name",
            f"{value[:140]!r} is not a container name",
            hint="Use letters, digits, '_', '.' and '-', starting with a letter or digit, 128 at most.",
        )


def not_empty(field: str, value: str) -> None:
    """The text must say something."""
    if not value.strip():
        raise InvalidSpec(field, "must not be empty")


def environment(entries: tuple[str, ...]) -> None:
    """`NAME=value` each, with a name."""
    for index, entry in enumerate(entries):
        if entry.find("=") < 1:
            raise InvalidSpec(f"env[{index}]", f"{entry[:80]!r} is not NAME=value")


def absolute_path(field: str, value: str) -> None:
    """Empty, or starting with `/`."""
    if value and not value.startswith("/"):
        raise InvalidSpec(field, f"{value[:80]!r} must be an absolute path")


def writable_cgroups(is_asked: bool, namespace: str) -> None:
    """Raise InvalidSpec where others' control groups would be seen."""
    if is_asked and namespace != "private":
        raise InvalidSpec("writable_cgroups", "needs a control group namespace of its own: cgroup_namespace private")


def cgroup_parent(value: str) -> None:
    """Empty, or the absolute path of a control group that is not the root."""
    absolute_path("cgroup_parent", value)
    if value and (value.endswith("/") or {"", ".", ".."} & set(value.split("/")[1:])):
        raise InvalidSpec("cgroup_parent", f"{value[:80]!r} is not a path such as /team/web")


def user(value: str) -> None:
    """`name|uid[:group|gid]`, ids within 32 bits; what is left out on a side of the colon is as usual."""
    if value and not USER.fullmatch(value):
        raise InvalidSpec("user", f"{value[:80]!r} is not a user", hint="Write name, uid, name:group or uid:gid.")
    for part in value.split(":"):
        if part.isascii() and part.isdigit() and int(part) > MAXIMUM_ID:
            raise InvalidSpec("user", f"id {part} is larger than {MAXIMUM_ID}")


def groups(values: tuple[str, ...]) -> None:
    """Names or numbers, one group each."""
    for index, value in enumerate(values):
        if not GROUP.fullmatch(value):
            raise InvalidSpec(f"groups[{index}]", f"{value[:80]!r} is not a group", hint="Write its name or number.")
        if value.isascii() and value.isdigit() and int(value) > MAXIMUM_ID:
            raise InvalidSpec(f"groups[{index}]", f"id {value} is larger than {MAXIMUM_ID}")


def umask(value: str) -> None:
    """Empty, or up to four octal digits that mean permission bits."""
    if value and not re.fullmatch(r"0?[0-7]{1,3}", value):
        raise InvalidSpec("umask", f"{value[:20]!r} is not a umask such as 0022")


def domainname(value: str) -> None:
    """Empty, or at most 64 bytes without a space or slash (setdomainname(2))."""
    if len(value.encode()) > 64 or re.search(r"[\s/]", value):
        raise InvalidSpec("domainname", f"{value[:80]!r} is not a domain name of at most 64 characters")


def apparmor(value: str) -> None:
    """Empty, or one word: a profile's name, which may be a path, or several of a stack (`one//&two`)."""
    if value and not re.fullmatch(r"[\x21-\x7e]{1,255}", value):
        raise InvalidSpec("apparmor", f"{value[:80]!r} is not the name of an AppArmor profile")


def selinux_label(value: str) -> None:
    """Empty, or `user:role:type`, with `:level` or without."""
    if value and not re.fullmatch(r"\w{1,64}:\w{1,64}:\w{1,64}(:[\w:.,-]{1,128})?", value, re.ASCII):
        raise InvalidSpec("selinux_label", f"{value[:80]!r} is not a label such as system_u:system_r:container_t:s0")


def annotations(values: Mapping[str, str], *, reserved: str) -> None:
    """Each has a name, which is none of those that only the engine writes: it acts on them."""
    for name in values:
        if not name or name.startswith(reserved):
            raise InvalidSpec("annotations", f"{name[:80]!r} is no name for one", hint=f"Not empty, not {reserved}….")


def runtime(value: str) -> None:
    """Empty, or the name of a program: where it is, the host decides."""
    if value and not NAME.fullmatch(value):
        raise InvalidSpec("runtime", f"{value[:80]!r} is not the name of a runtime", hint="For example runc or crun.")


def namespace(field: str, value: str, modes: tuple[str, ...], *, is_joinable: bool = False) -> None:
    """One of the modes, or where it `is_joinable` also `container:` and a name."""
    if value in modes or (is_joinable and value.startswith("container:") and value != "container:"):
        return
    known = ", ".join(repr(mode) for mode in modes) + (" or container:<id or name>" if is_joinable else "")
    raise InvalidSpec(field, f"{value[:80]!r} is not one of {known}")


def volumes_from(values: tuple[str, ...]) -> None:
    """Names or ids of containers, with `:ro` or `:rw` behind them or nothing."""
    for index, value in enumerate(values):
        name, _, mode = value.partition(":")
        if not name or mode not in ("", "ro", "rw"):
            raise InvalidSpec(
                f"volumes_from[{index}]", f"{value[:80]!r} is not the name of a container, with :ro or :rw or without"
            )


def hostname(value: str) -> None:
    """RFC 1123 labels joined by dots, 64 bytes at most (Linux's limit)."""
    if value and (len(value) > 64 or not all(LABEL.fullmatch(label) for label in value.split("."))):
        raise InvalidSpec("hostname", f"{value[:80]!r} is not a host name of at most 64 characters")


def rlimit(name: str, soft: int, hard: int) -> None:
    """A name setrlimit(2) knows; -1 is unlimited; soft at most hard."""
    field = f"rlimits.{name}"
    if name not in names.RLIMITS:
        raise InvalidSpec(field, "is not a process limit", hint=f"Known: {', '.join(sorted(names.RLIMITS))}.")
    if min(soft, hard) < -1 or max(soft, hard) > MAXIMUM_BYTES:
        raise InvalidSpec(field, f"soft {soft} and hard {hard} must be -1 or from 0 to {MAXIMUM_BYTES}")
    if hard != -1 and (soft == -1 or soft > hard):
        raise InvalidSpec(field, f"soft {soft} must not be above hard {hard}")


def capabilities(field: str, values: tuple[str, ...]) -> None:
    """Names that capabilities(7) knows, with or without `CAP_`, or `ALL`."""
    for index, value in enumerate(values):
        if value.upper() != "ALL" and names.capability(value) is None:
            raise InvalidSpec(f"{field}[{index}]", f"{value[:80]!r} is not a capability")


def stop(signal: str, timeout_s: float) -> None:
    """A known signal; from 0 seconds to a day."""
    if signal:
        signal_number("stop_signal", signal)
    grace("stop_timeout_s", timeout_s)


def grace(field: str, timeout_s: float) -> None:
    """From 0 seconds to a day."""
    between(field, timeout_s, 0, 86400)


def signal_number(field: str, value: str) -> int:
    """The number of a signal given as `TERM`, `SIGTERM` or `15`."""
    number = names.signal(value)
    if number is None:
        raise InvalidSpec(field, f"{value[:40]!r} is not a signal")
    return number
