"""Checks of `linux.seccomp`; a container's own profile is checked by the same, once it is resolved."""

from engine.errors import InvalidSpec
from engine.spec.runtime.seccomp import Seccomp, SeccompArgument, SeccompRule
from engine.spec.values import between, one_of

ACTIONS = (
    *("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD"),
    *("SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"),
)
OPERATORS = (
    *("SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ"),
    "SCMP_CMP_NE",
)
ARCHITECTURES = (
    *("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS"),
    *("SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32"),
    *("SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE"),
    *("SCMP_ARCH_RISCV64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"),
    *("SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"),
)
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
}
"""Names to the bits of seccomp(2)."""
_WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
_MOST_ERRNO = 4095
_TELLING = ("write", "sendmsg")  # what it takes to hand over the filter's descriptor


def check(where: str, section: Seccomp) -> None:
    """The whole section."""
    _action(f"{where}.defaultAction", f"{where}.defaultErrnoRet", section.default_action, section.default_errno_ret)
    if section.default_action == "SCMP_ACT_NOTIFY":
        raise InvalidSpec(f"{where}.defaultAction", "SCMP_ACT_NOTIFY would keep the one who listens from being told")
    for index, name in enumerate(section.architectures):
        one_of(f"{where}.architectures[{index}]", name, ARCHITECTURES)
    for index, flag in enumerate(section.flags):
        one_of(f"{where}.flags[{index}]", flag, FLAGS)
    if section.listener_metadata and not section.listener_path:
        raise InvalidSpec(f"{where}.listenerMetadata", "needs a listenerPath")
    for index, rule in enumerate(section.syscalls):
        _rule(f"{where}.syscalls[{index}]", rule)
    if uses_listener(section) and not section.listener_path:
        raise InvalidSpec(f"{where}.listenerPath", "is required for SCMP_ACT_NOTIFY")


def uses_listener(section: Seccomp) -> bool:
    """Whether some call is left to a process outside to decide."""
    return any(rule.action == "SCMP_ACT_NOTIFY" for rule in section.syscalls)


def _rule(where: str, rule: SeccompRule) -> None:
    if not rule.names:
        raise InvalidSpec(f"{where}.names", "must hold at least one name")
    _action(f"{where}.action", f"{where}.errnoRet", rule.action, rule.errno_ret)
    for name in _TELLING:
        if rule.action == "SCMP_ACT_NOTIFY" and name in rule.names:
            raise InvalidSpec(f"{where}.names", f"{name} cannot be left to SCMP_ACT_NOTIFY: nobody could be told of it")
    for index, argument in enumerate(rule.args):
        _argument(f"{where}.args[{index}]", argument)


def _argument(where: str, argument: SeccompArgument) -> None:
    between(f"{where}.index", argument.index, 0, 5)
    between(f"{where}.value", argument.value, 0, (1 << 64) - 1)
    between(f"{where}.valueTwo", argument.value_two, 0, (1 << 64) - 1)
    one_of(f"{where}.op", argument.op, OPERATORS)


def _action(field: str, errno_field: str, action: str, errno: int | None) -> None:
    one_of(field, action, ACTIONS)
    between(errno_field, errno, 0, _MOST_ERRNO)
    if errno and action not in _WITH_ERRNO:
        raise InvalidSpec(errno_field, f"{action} has no errno")
