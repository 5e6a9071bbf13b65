"""The compiled filter answers as the profile says, on every architecture it names."""

import pytest

from engine.container.seccomp_filter import action, check, compile_filter, run
from engine.errors import InvalidSpec
from engine.spec.defaults import CAPABILITIES
from engine.spec.runtime import Seccomp, SeccompArgument, SeccompRule
from engine.spec.seccomp import default_profile
from engine.sys.syscalls import syscall_number

X86_64, I386, X32 = 0xC000003E, 0x40000003, 0x4000003E
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
BIG = 1 << 40


def default_program(*more: str) -> bytes:
    return compile_filter(default_profile(frozenset({*CAPABILITIES, *more}), "x86_64", "6.1.0"))


def verdict(program: bytes, name: str, *arguments: int, arch: int = X86_64) -> int:
    number = syscall_number(name, arch)
    assert number is not None
    return run(program, number=number, arch=arch, arguments=arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("read", (), ALLOW),
        ("execve", (), ALLOW),
        ("ptrace", (), ALLOW),
        ("mount", (), EPERM),
        ("keyctl", (), EPERM),
        ("bpf", (), EPERM),
        ("clone", (17,), ALLOW),
        ("clone", (0x10000000,), EPERM),
        ("clone3", (), ENOSYS),
        ("socket", (2,), ALLOW),
        ("socket", (38,), EPERM),
        ("socket", (40,), EPERM),
        ("socket", (41,), ALLOW),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (7,), EPERM),
        ("personality", (8 + BIG,), EPERM),
    ],
)
def test_the_default_profile_is_dockers(name: str, arguments: tuple[int, ...], wanted: int) -> None:
    assert verdict(default_program(), name, *arguments) == wanted


def test_a_capability_opens_the_calls_that_need_it() -> None:
    assert verdict(default_program("CAP_SYS_ADMIN"), "mount") == ALLOW
    assert verdict(default_program("CAP_SYS_ADMIN"), "clone3") == ALLOW


def test_32_bit_and_x32_programs_are_filtered_by_their_own_numbers() -> None:
    program = default_program()
    assert verdict(program, "socketcall", arch=I386) == ALLOW
    assert verdict(program, "mount", arch=I386) == EPERM
    assert run(program, number=0x40000000, arch=X86_64) == ALLOW  # x32 read
    assert run(program, number=0x40000000 | 165, arch=X86_64) == EPERM  # x32 mount


def test_a_call_newer_than_the_tables_does_not_exist_for_the_program() -> None:
    program = default_program()
    assert run(program, number=4000, arch=X86_64) == ENOSYS
    assert run(program, number=0xFFFFFFFF, arch=X86_64) == ENOSYS


def test_another_architecture_kills() -> None:
    assert run(default_program(), number=0, arch=0xC00000B7) == KILL


def allow(*arguments: SeccompArgument) -> SeccompRule:
    return SeccompRule(("read",), "SCMP_ACT_ALLOW", None, arguments)


def one_call(*rules: SeccompRule) -> bytes:
    """A filter with rules for read(2) only; everything else is EPERM."""
    return compile_filter(Seccomp("SCMP_ACT_ERRNO", 1, ("SCMP_ARCH_X86_64",), syscalls=rules))


COMPARISONS = {
    "SCMP_CMP_EQ": lambda a, b: a == b,
    "SCMP_CMP_NE": lambda a, b: a != b,
    "SCMP_CMP_LT": lambda a, b: a < b,
    "SCMP_CMP_LE": lambda a, b: a <= b,
    "SCMP_CMP_GT": lambda a, b: a > b,
    "SCMP_CMP_GE": lambda a, b: a >= b,
}


@pytest.mark.parametrize("operator", COMPARISONS)
def test_comparisons_are_made_on_all_64_bits(operator: str) -> None:
    values = [0, 1, 5, 6, 0xFFFFFFFF, BIG, BIG + 5, (1 << 64) - 1]
    for against in values:
        program = one_call(allow(SeccompArgument(2, against, operator)))
        for value in values:
            wanted = ALLOW if COMPARISONS[operator](value, against) else EPERM
            assert verdict(program, "read", 0, 0, value) == wanted, (operator, value, against)


def test_every_condition_of_a_rule_must_hold_and_the_first_rule_that_does_wins() -> None:
    both = allow(SeccompArgument(0, 1, "SCMP_CMP_EQ"), SeccompArgument(1, BIG, "SCMP_CMP_GT"))
    other = SeccompRule(("read",), "SCMP_ACT_ERRNO", 7, (SeccompArgument(0, 1, "SCMP_CMP_EQ"),))
    program = one_call(both, other)
    assert verdict(program, "read", 1, BIG + 1) == ALLOW
    assert verdict(program, "read", 1, BIG) == 0x00050007
    assert verdict(program, "read", 2, BIG + 1) == EPERM


def test_the_machines_own_calls_are_filtered_whatever_architectures_are_named() -> None:
    for named in ((), ("SCMP_ARCH_PPC",)):
        rule = SeccompRule(("write",), "SCMP_ACT_ALLOW")
        program = compile_filter(Seccomp("SCMP_ACT_ERRNO", 1, named, syscalls=(rule,)))
        assert (verdict(program, "write"), verdict(program, "read")) == (ALLOW, EPERM)


def test_a_call_may_be_left_to_a_tracer_or_a_listener() -> None:
    assert action("SCMP_ACT_TRACE", 7) == 0x7FF00007
    assert action("SCMP_ACT_NOTIFY", None) == 0x7FC00000


@pytest.mark.parametrize("kind", ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_a_filter_that_forbids_to_execute_anything_is_refused(kind: str) -> None:
    check("seccomp", Seccomp(kind, syscalls=(SeccompRule(("execve",), "SCMP_ACT_ALLOW"),)))
    with pytest.raises(InvalidSpec, match="forbids execve"):
        check("seccomp", Seccomp(kind))


def test_a_filter_that_is_longer_than_the_kernel_takes_is_refused() -> None:
    arguments = [(SeccompArgument(0, number, "SCMP_CMP_EQ"),) for number in range(2000)]
    rules = tuple(SeccompRule(("mkdir",), "SCMP_ACT_ERRNO", 1, one) for one in arguments)
    with pytest.raises(InvalidSpec, match="instructions"):
        check("seccomp", Seccomp("SCMP_ACT_ALLOW", syscalls=rules))
