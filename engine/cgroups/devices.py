"""Which device nodes a container may make and open: the v1 devices controller, or a BPF program on v2.

Rules are read in order and the last that speaks of an access decides; what none speaks of is denied. Sources:
cgroup-v1/devices.rst; cgroup-v2.rst "Device controller"; `struct bpf_cgroup_dev_ctx` in linux/bpf.h.
"""

import functools
import os
from contextlib import ExitStack

from engine.cgroups import control_files, device_program, device_table
from engine.errors import InvalidSpec
from engine.spec.runtime import DeviceRule
from engine.sys import bpf

Rules = tuple[DeviceRule, ...]


def check(rules: Rules, *, version: int) -> None:
    """Raise InvalidSpec for what is no rule, Unsupported for rules that v1 cannot hold."""
    if version == 1:
        device_table.compile_rules(normal(rules))
    else:
        device_program.compile_rules(normal(rules))


def set_v1(folder: str, rules: Rules) -> None:
    """Set the rules of a fresh v1 group. Raises Unsupported for rules that v1 cannot hold."""
    for file, text in device_table.writes(None, device_table.compile_rules(normal(rules))):
        control_files.write(f"{folder}/{file}", text)


def change_v1(folder: str, before: Rules, after: Rules) -> None:
    """Take a v1 group from some rules to others; what both allow stays allowed all the while."""
    old, new = device_table.compile_rules(normal(before)), device_table.compile_rules(normal(after))
    for file, text in device_table.writes(old, new):
        control_files.write(f"{folder}/{file}", text)


def set_v2(folder: str, rules: Rules) -> None:
    """Have the v2 group guarded by a program for these rules, in one step instead of the one that guards it now."""
    machine = os.uname().machine
    with ExitStack() as descriptors:
        cgroup = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        descriptors.callback(os.close, cgroup)
        program = bpf.load(bpf.PROG_TYPE_CGROUP_DEVICE, device_program.compile_rules(normal(rules)), machine)
        descriptors.callback(os.close, program)
        old = -1
        for program_id in bpf.attached_to_cgroup(cgroup, bpf.CGROUP_DEVICE, machine):
            old = bpf.open_program(program_id, machine)
            descriptors.callback(os.close, old)
        bpf.attach_to_cgroup(cgroup, program, bpf.CGROUP_DEVICE, machine, instead_of=old)


@functools.lru_cache(maxsize=64)
def normal(rules: Rules) -> Rules:
    """The same rules, each for every device or for one type of them. Raises InvalidSpec for what is none."""
    found: list[DeviceRule] = []
    for index, rule in enumerate(rules):
        field = f"linux.resources.devices[{index}]"
        if rule.type not in ("", "a", "b", "c"):
            raise InvalidSpec(f"{field}.type", f"{rule.type!r} is not one of a, b, c")
        if set(rule.access) - set("rwm"):
            raise InvalidSpec(f"{field}.access", f"{rule.access!r} holds more than r, w and m")
        access = "".join(letter for letter in "rwm" if letter in (rule.access or "rwm"))
        major, minor = (None if number is None or number < 0 else number for number in (rule.major, rule.minor))
        is_for_all = rule.type in ("", "a") and major is None and minor is None and access == "rwm"
        types = ("a",) if is_for_all else ("b", "c") if rule.type in ("", "a") else (rule.type,)
        found += [DeviceRule(rule.allow, kind, major, minor, access) for kind in types]
    return tuple(found)
