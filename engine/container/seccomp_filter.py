"""Compiles an OCI seccomp section into a classic BPF program the kernel runs before each system call.

libseccomp tests one number after another; a profile with some 400 names then costs every system call of the container
hundreds of instructions and the kernel a millisecond to load. Here runs of numbers with the same verdict are merged
into the tables know answers ENOSYS, so that a C library falls back to an older call (as runc does), all others the
default.

Layout of `struct seccomp_data`: seccomp(2); operators: runtime-spec config-linux.md, "seccomp".
"""

import functools
import os
import struct
from collections.abc import Iterable, Mapping

from engine.errors import InvalidSpec
from engine.spec.runtime import Seccomp, SeccompArgument, SeccompRule
from engine.sys.syscalls import syscall_number

_LD, _JA, _JEQ, _JGT, _JGE, _AND, _RET = 0x20, 0x05, 0x15, 0x25, 0x35, 0x54, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16
_KILL_PROCESS, _ALLOW, _LOG = 0x80000000, 0x7FFF0000, 0x7FFC0000
_ACTIONS = {
    "SCMP_ACT_KILL": 0,
    "SCMP_ACT_KILL_THREAD": 0,
    "SCMP_ACT_KILL_PROCESS": _KILL_PROCESS,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_LOG": _LOG,
    "SCMP_ACT_ALLOW": _ALLOW,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
}
_WITH_ERRNO = {"SCMP_ACT_ERRNO": 0x00050000, "SCMP_ACT_TRACE": 0x7FF00000}
_ERRNO, _EPERM, _ENOSYS = 0x00050000, 1, 38
_AUDIT_ARCH = {
    "SCMP_ARCH_X86_64": 0xC000003E,
    "SCMP_ARCH_X86": 0x40000003,
    "SCMP_ARCH_X32": 0x4000003E,  # libseccomp's token; the kernel reports x86_64 with bit 30 in the number
    "SCMP_ARCH_AARCH64": 0xC00000B7,
    "SCMP_ARCH_ARM": 0x40000028,
}
_NATIVE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_X32, _X86_64 = 0x4000003E, 0xC000003E
_ACTION_MASK = 0xFFFF0000
_REFUSALS = (0, _KILL_PROCESS, 0x00030000, _ERRNO)
_INSTRUCTION_BYTES, _MOST_INSTRUCTIONS = 8, 4096  # BPF_MAXINSNS

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


_Verdict = tuple[SeccompRule, ...]  # tried in order; empty: the default action


def action(name: str, errno: int | None) -> int:
    """The filter's return value for an action's OCI name."""
    if name in _WITH_ERRNO:
        return _WITH_ERRNO[name] | (_EPERM if errno is None else errno)
    return _ACTIONS[name]


def check(field: str, section: Seccomp) -> None:
    """Raise InvalidSpec for a filter that the kernel does not take, or behind which no program could be started."""
    program = compile_filter(section)
    count = len(program) // _INSTRUCTION_BYTES
    if count > _MOST_INSTRUCTIONS:
        raise InvalidSpec(field, f"makes a filter of {count} instructions, and the kernel takes {_MOST_INSTRUCTIONS}")
    arch = _AUDIT_ARCH[_NATIVE[os.uname().machine]]
    number = syscall_number("execve", arch)
    if number is not None and run(program, number=number, arch=arch) & _ACTION_MASK in _REFUSALS:
        raise InvalidSpec(field, "forbids execve, so no program could be started", hint="Allow execve.")


@functools.lru_cache(maxsize=64)
def compile_filter(section: Seccomp) -> bytes:
    """The program as bytes (an array of `struct sock_filter`); calls of any other architecture kill the process.

    The machine's own is always among those filtered. The section has passed `engine.spec.runtime.checks`.
    """
    default = action(section.default_action, section.default_errno_ret)
    tables: dict[int, dict[int, _Verdict]] = {}
    for name in dict.fromkeys((_NATIVE[os.uname().machine], *section.architectures)):
        if name not in _AUDIT_ARCH:
            continue  # no process of this machine makes calls of that architecture
        token = _AUDIT_ARCH[name]
        tables.setdefault(_X86_64 if token == _X32 else token, {}).update(_table(section.syscalls, token))
    code: list[Instruction] = [(_LD, 0, 0, _ARCH)]
    for arch, table in tables.items():
        body = [(_LD, 0, 0, _NR), *_search(_segments(table, default), default)]
        code += [(_JEQ, 1, 0, arch), (_JA, 0, 0, len(body)), *body]
    code.append((_RET, 0, 0, _KILL_PROCESS))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _table(rules: Iterable[SeccompRule], arch: int) -> dict[int, _Verdict]:
    """Number to the rules that speak of it; an unconditional rule ends the list."""
    found: dict[int, list[SeccompRule]] = {}
    for rule in rules:
        for name in rule.names:
            number = syscall_number(name, arch)
            if number is None:
                continue
            known = found.setdefault(number, [])
            if not known or known[-1].args:
                known.append(rule)
    return {number: tuple(known) for number, known in found.items()}


def _segments(table: Mapping[int, _Verdict], default: int) -> list[tuple[int, _Verdict | int]]:
    """`(first number, verdict)` in order, neighbours with equal verdicts merged; an int verdict is a plain action."""
    numbers = sorted(table)
    newest = [n for n in (max((n for n in numbers if n < _X32_FIRST), default=-1), max(numbers, default=-1)) if n >= 0]
    unknown = _ERRNO | _ENOSYS if default & 0xFFFF0000 == _ERRNO else default
    edges: dict[int, _Verdict | int] = {0: default, _X32_FIRST: default}
    for number in numbers:
        edges[number + 1] = unknown if number in newest else default
    edges |= {number: _plain(verdict) for number, verdict in table.items()}
    merged: list[tuple[int, _Verdict | int]] = []
    for first in sorted(edges):
        if not merged or merged[-1][1] != edges[first]:
            merged.append((first, edges[first]))
    return merged


_X32_FIRST = 0x40000000


def _plain(verdict: _Verdict) -> _Verdict | int:
    return action(verdict[0].action, verdict[0].errno_ret) if verdict and not verdict[0].args else verdict


def _search(segments: list[tuple[int, _Verdict | int]], default: int) -> list[Instruction]:
    if len(segments) == 1:
        return _leaf(segments[0][1], default)
    middle = len(segments) // 2
    below, above = _search(segments[:middle], default), _search(segments[middle:], default)
    edge = segments[middle][0]
    if len(below) <= 255:
        return [(_JGE, len(below), 0, edge), *below, *above]
    return [(_JGE, 0, 1, edge), (_JA, 0, 0, len(below)), *below, *above]


def _leaf(verdict: _Verdict | int, default: int) -> list[Instruction]:
    if isinstance(verdict, int):
        return [(_RET, 0, 0, verdict)]
    code: list[Instruction] = []
    for rule in verdict:
        code += _rule(rule)
        if not rule.args:
            return code
    return [*code, (_RET, 0, 0, default)]


def _rule(rule: SeccompRule) -> list[Instruction]:
    """Each condition falls through when it holds and leaves the rule when it does not."""
    blocks = [_condition(condition) for condition in rule.args]
    code: list[Instruction] = []
    left = sum(map(len, blocks)) + 1
    for block in blocks:
        for position, (op, true, false, constant) in enumerate(block):
            jumps = {_NEXT: 0, _HOLDS: len(block) - position - 1, _FAILS: left - position - 1}
            code.append((op, jumps[true], jumps[false], constant))
        left -= len(block)
    return [*code, (_RET, 0, 0, action(rule.action, rule.errno_ret))]


_NEXT, _HOLDS, _FAILS = 0, 1, 2


def _condition(condition: SeccompArgument) -> list[Instruction]:
    """A 64-bit comparison as two 32-bit ones, high half first."""
    low_at = _ARGS + 8 * condition.index
    high, low = condition.value >> 32, condition.value & 0xFFFFFFFF
    load_high, load_low = (_LD, _NEXT, _NEXT, low_at + 4), (_LD, _NEXT, _NEXT, low_at)
    match condition.op:
        case "SCMP_CMP_EQ":
            return [load_high, (_JEQ, _NEXT, _FAILS, high), load_low, (_JEQ, _NEXT, _FAILS, low)]
        case "SCMP_CMP_NE":
            return [load_high, (_JEQ, _NEXT, _HOLDS, high), load_low, (_JEQ, _FAILS, _NEXT, low)]
        case "SCMP_CMP_GT" | "SCMP_CMP_GE":
            last = _JGT if condition.op.endswith("GT") else _JGE
            above = [(_JGT, _HOLDS, _NEXT, high), (_JEQ, _NEXT, _FAILS, high)]
            return [load_high, *above, load_low, (last, _NEXT, _FAILS, low)]
        case "SCMP_CMP_LT" | "SCMP_CMP_LE":
            last = _JGE if condition.op.endswith("LT") else _JGT
            above = [(_JGT, _FAILS, _NEXT, high), (_JEQ, _NEXT, _HOLDS, high)]
            return [load_high, *above, load_low, (last, _FAILS, _NEXT, low)]
        case "SCMP_CMP_MASKED_EQ":
            wanted_high, wanted_low = condition.value_two >> 32, condition.value_two & 0xFFFFFFFF
            return [
                *(load_high, (_AND, _NEXT, _NEXT, high), (_JEQ, _NEXT, _FAILS, wanted_high)),
                *(load_low, (_AND, _NEXT, _NEXT, low), (_JEQ, _NEXT, _FAILS, wanted_low)),
            ]
    raise InvalidSpec("linux.seccomp", f"operator {condition.op} is not known")


def run(program: bytes, *, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """What `program` answers to one call: the kernel's interpreter in small, for tests and for explaining a refusal."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *padded)
    at = accumulator = 0
    while True:
        op, true, false, constant = struct.unpack_from("<HBBI", program, at * 8)
        at += 1
        match op:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, constant)[0]
            case 0x54:
                accumulator &= constant
            case 0x05:
                at += constant
            case 0x06:
                return int(constant)
            case _:
                holds = {_JEQ: accumulator == constant, _JGT: accumulator > constant, _JGE: accumulator >= constant}[op]
                at += true if holds else false
