"""Which device nodes a container may make and open: the v1 devices controller, or a BPF program on v2.

Sources: cgroup-v1/devices.rst; cgroup-v2.rst "Device controller"; `struct bpf_cgroup_dev_ctx` in linux/bpf.h.
"""

import functools

from engine.spec.runtime import DeviceRule, Resources
from engine.sys import bpf

_ACCESS = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_*
_TYPES = {"b": 1, "c": 2}  # BPF_DEVCG_DEV_*
_LOAD_WORD, _MOVE, _MOVE_REG, _AND, _SHIFT_RIGHT = 0x61, 0xB7, 0xBF, 0x57, 0x77
_JUMP_NOT_EQUAL, _EXIT = 0x55, 0x95


def v1(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs, in the rules' order; later rules win, as in the kernel."""
    return [("devices.allow" if rule.allow else "devices.deny", _v1_text(rule)) for rule in resources.devices]


def _v1_text(rule: DeviceRule) -> str:
    if rule.type == "a":
        return "a"
    major, minor = ("*" if number is None else str(number) for number in (rule.major, rule.minor))
    return f"{rule.type} {major}:{minor} {rule.access}"


@functools.cache
def v2_program(rules: tuple[DeviceRule, ...]) -> bytes:
    """A BPF_PROG_TYPE_CGROUP_DEVICE program that answers 1 (allow) or 0, by the last rule that matches.

    r1 points to `{u32 access << 16 | type; u32 major; u32 minor}`.
    """
    code = [
        bpf.instruction(_LOAD_WORD, 2, 1, 0),
        bpf.instruction(_MOVE_REG, 3, 2),
        bpf.instruction(_AND, 2, immediate=0xFFFF),
        bpf.instruction(_SHIFT_RIGHT, 3, immediate=16),
        bpf.instruction(_LOAD_WORD, 4, 1, 4),
        bpf.instruction(_LOAD_WORD, 5, 1, 8),
    ]
    for rule in reversed(rules):
        code += _v2_rule(rule)
        if rule.type == "a":  # matches everything: what would follow is out of reach, which the verifier refuses
            return b"".join(code)
    return b"".join([*code, *_answer(False)])


def _v2_rule(rule: DeviceRule) -> list[bytes]:
    """Tests that jump past the answer when they fail."""
    tests: list[tuple[bytes, ...]] = []
    if rule.type != "a":
        tests.append((bpf.instruction(_JUMP_NOT_EQUAL, 2, immediate=_TYPES[rule.type]),))
        wanted = sum(_ACCESS[letter] for letter in set(rule.access))
        if wanted != 7:  # every bit asked for must be one the rule names
            rest = (bpf.instruction(_MOVE_REG, 6, 3), bpf.instruction(_AND, 6, immediate=7 & ~wanted))
            tests.append((*rest, bpf.instruction(_JUMP_NOT_EQUAL, 6, immediate=0)))
        for register, number in ((4, rule.major), (5, rule.minor)):
            if number is not None:
                tests.append((bpf.instruction(_JUMP_NOT_EQUAL, register, immediate=number),))
    flat = [item for test in tests for item in test]
    total = len(flat) + 2
    jumps = [
        item[:2] + (total - position - 1).to_bytes(2, "little") + item[4:] if item[0] == _JUMP_NOT_EQUAL else item
        for position, item in enumerate(flat)
    ]
    return [*jumps, *_answer(rule.allow)]


def _answer(allow: bool) -> list[bytes]:
    return [bpf.instruction(_MOVE, 0, immediate=int(allow)), bpf.instruction(_EXIT)]
