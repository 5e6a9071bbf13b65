"""Compiles device rules into the BPF program that guards a v2 group (cgroup-v2.rst "Device controller")."""

import functools

from engine.spec.runtime import DeviceRule
from engine.sys import bpf

_ACCESS = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_*
_TYPES = {"b": 1, "c": 2}  # BPF_DEVCG_DEV_*
_LOAD_WORD, _MOVE, _MOVE_REG, _AND, _SHIFT_RIGHT = 0x61, 0xB7, 0xBF, 0x57, 0x77
_JUMP_EQUAL, _JUMP_NOT_EQUAL, _EXIT = 0x15, 0x55, 0x95
_TYPE, _LEFT, _MAJOR, _MINOR, _SCRATCH = 2, 3, 4, 5, 6  # registers


@functools.lru_cache(maxsize=64)
def compile_rules(rules: tuple[DeviceRule, ...]) -> bytes:
    """A BPF_PROG_TYPE_CGROUP_DEVICE program that answers 1 (allow) or 0; each access by the last rule that names it.

    r1 points to `{u32 access << 16 | type; u32 major; u32 minor}`. Rules are looked at from the last on, and _LEFT
    holds the accesses that none has allowed yet.
    """
    code = [
        bpf.instruction(_LOAD_WORD, _TYPE, 1, 0),
        bpf.instruction(_MOVE_REG, _LEFT, _TYPE),
        bpf.instruction(_AND, _TYPE, immediate=0xFFFF),
        bpf.instruction(_SHIFT_RIGHT, _LEFT, immediate=16),
        bpf.instruction(_LOAD_WORD, _MAJOR, 1, 4),
        bpf.instruction(_LOAD_WORD, _MINOR, 1, 8),
    ]
    for rule in reversed(rules):
        if rule.type == "a":  # what would follow is out of reach, which the verifier refuses
            return b"".join([*code, *_answer(rule.allow)])
        code += _rule(rule)
    return b"".join([*code, *_answer(False)])


def _rule(rule: DeviceRule) -> list[bytes]:
    """Tests that jump past the answer: for another device, or while the rule does not settle it."""
    access = sum(_ACCESS[letter] for letter in rule.access)
    tests = [(_JUMP_NOT_EQUAL, _TYPE, _TYPES[rule.type])]
    tests += [
        (_JUMP_NOT_EQUAL, register, number)
        for register, number in ((_MAJOR, rule.major), (_MINOR, rule.minor))
        if number is not None
    ]
    if rule.allow:
        work = [bpf.instruction(_AND, _LEFT, immediate=7 & ~access)]
        verdict = (_JUMP_NOT_EQUAL, _LEFT, 0)
    else:
        work = [bpf.instruction(_MOVE_REG, _SCRATCH, _LEFT), bpf.instruction(_AND, _SCRATCH, immediate=access)]
        verdict = (_JUMP_EQUAL, _SCRATCH, 0)
    answer = _answer(rule.allow)
    after = len(work) + 1 + len(answer)  # instructions behind the last test
    jumps = [
        bpf.instruction(code, register, 0, after + len(tests) - position - 1, number)
        for position, (code, register, number) in enumerate(tests)
    ]
    code, register, number = verdict
    return [*jumps, *work, bpf.instruction(code, register, 0, len(answer), number), *answer]


def _answer(allow: bool) -> list[bytes]:
    return [bpf.instruction(_MOVE, 0, immediate=int(allow)), bpf.instruction(_EXIT)]
