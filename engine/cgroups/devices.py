"""Which device nodes a container may make and open: the v1 devices controller, or a BPF program on v2.

Rules are read in order and the last that speaks of an access decides; what none speaks of is denied. Sources:
cgroup-v1/devices.rst; cgroup-v2.rst "Device controller"; `struct bpf_cgroup_dev_ctx` in linux/bpf.h.
"""

import functools
import itertools
import os
from contextlib import ExitStack

from engine.cgroups import control_files, device_program, device_table
from engine.cgroups.places import Places
from engine.errors import InvalidSpec, Unsupported
from engine.spec.runtime import DeviceRule
from engine.sys import bpf

Rules = tuple[DeviceRule, ...]


def check(rules: Rules, *, version: int) -> None:
    """Raise InvalidSpec for what is no rule, Unsupported for rules that v1 cannot hold."""
    if version == 1:
        device_table.compile_rules(normal(rules))
    else:
        device_program.compile_rules(normal(rules))


def set_rules(at: Places, rules: Rules) -> None:
    """Guard a fresh group. Raises Unsupported for rules that v1 cannot hold, or without anything to guard by."""
    change_rules(at, None, rules)


def change_rules(at: Places, before: Rules | None, after: Rules) -> None:
    """Take a group from some rules to others; what both allow stays allowed all the while."""
    v1 = at.having("devices")
    if v1 is not None:
        for file, texts in _v1_writes(before, after):
            control_files.write(f"{v1[0]}/{file}", *texts)
    elif at.v2:
        _set_v2(at.v2, after)
    else:
        raise Unsupported("This host has no cgroup controller devices, so device rules cannot be kept.")


@functools.lru_cache(maxsize=64)
def _v1_writes(before: Rules | None, after: Rules) -> list[tuple[str, list[str]]]:
    """Files and all that is written to each before the next; `before` is None for a fresh group."""
    old = None if before is None else device_table.compile_rules(normal(before))
    writes = device_table.writes(old, device_table.compile_rules(normal(after)))
    return [(file, [text for _, text in texts]) for file, texts in itertools.groupby(writes, key=lambda pair: pair[0])]


def _set_v2(folder: str, rules: Rules) -> None:
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
