"""Device rules on either version: what they come to, and how they are changed."""

import pytest

from engine.cgroups import device_program, device_table, devices
from engine.cgroups.device_table import compile_rules
from engine.errors import InvalidSpec, Unsupported
from engine.spec.defaults import DEVICE_RULES
from engine.spec.runtime import DeviceRule

ALLOW_ALL, DENY_ALL = DeviceRule(True), DeviceRule(False)


def v1_writes(*rules: DeviceRule) -> list[tuple[str, str]]:
    return device_table.writes(None, compile_rules(devices.normal(rules)))


def test_v1_rules_start_by_denying_all() -> None:
    writes = v1_writes(*DEVICE_RULES)
    assert writes[0] == ("devices.deny", "a")
    assert ("devices.allow", "c 1:3 rwm") in writes
    assert ("devices.allow", "c 136:* rwm") in writes


def test_v1_changes_only_what_differs_and_allows_before_it_denies() -> None:
    before = compile_rules((DENY_ALL, DeviceRule(True, "c", 1, 3), DeviceRule(True, "c", 1, 5, "rw")))
    after = compile_rules((DENY_ALL, DeviceRule(True, "c", 1, 3), DeviceRule(True, "c", 1, 5, "rm")))
    assert device_table.writes(before, after) == [("devices.allow", "c 1:5 m"), ("devices.deny", "c 1:5 w")]
    assert device_table.writes(before, before) == []


def test_v1_from_some_devices_to_all_and_back() -> None:
    some, everything = compile_rules((DENY_ALL, DeviceRule(True, "c", 1, 3))), compile_rules((ALLOW_ALL,))
    assert device_table.writes(some, everything) == [("devices.allow", "a")]
    assert device_table.writes(everything, some) == [("devices.deny", "a"), ("devices.allow", "c 1:3 rwm")]


def test_v1_denies_what_it_allowed_before() -> None:
    assert v1_writes(DENY_ALL, DeviceRule(True, "c", 1, 3), DeviceRule(False, "c", 1, None)) == [("devices.deny", "a")]
    assert v1_writes(ALLOW_ALL, DeviceRule(False, "b", 8, 0, "w")) == [
        ("devices.allow", "a"),
        ("devices.deny", "b 8:0 w"),
    ]


def test_v1_says_that_it_cannot_deny_one_out_of_many() -> None:
    with pytest.raises(Unsupported, match=r"deny the device c 1:5 out of c 1:\*"):
        v1_writes(DENY_ALL, DeviceRule(True, "c", 1), DeviceRule(False, "c", 1, 5))


def test_a_rule_for_some_of_all_is_one_for_each_type() -> None:
    assert devices.normal((DeviceRule(True, "a", 10, -1, "r"),)) == (
        DeviceRule(True, "b", 10, None, "r"),
        DeviceRule(True, "c", 10, None, "r"),
    )
    assert devices.normal((DeviceRule(True, "a", -1, -1, ""),)) == (ALLOW_ALL,)


@pytest.mark.parametrize(
    ("rule", "field"),
    [(DeviceRule(True, "x"), "devices[0].type"), (DeviceRule(True, access="rx"), "devices[0].access")],
)
def test_what_is_no_rule_is_refused_by_name(rule: DeviceRule, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        devices.normal((rule,))
    assert caught.value.field == f"linux.resources.{field}"


def allowed(rules: tuple[DeviceRule, ...], kind: int, access: int, major: int, minor: int) -> bool:
    """The few BPF instructions that a device program uses, carried out."""
    program = device_program.compile_rules(devices.normal(rules))
    registers = [0] * 11
    context = {0: access << 16 | kind, 4: major, 8: minor}
    at = 0
    while True:
        code, pair, offset, immediate = (
            program[at],
            program[at + 1],
            int.from_bytes(program[at + 2 : at + 4], "little"),
            int.from_bytes(program[at + 4 : at + 8], "little"),
        )
        dst, src, at = pair & 15, pair >> 4, at + 8
        if code == 0x61:
            registers[dst] = context[offset]
        elif code == 0xBF:
            registers[dst] = registers[src]
        elif code == 0xB7:
            registers[dst] = immediate
        elif code == 0x57:
            registers[dst] &= immediate
        elif code == 0x77:
            registers[dst] >>= immediate
        elif code == 0x55:
            at += 8 * offset if registers[dst] != immediate else 0
        elif code == 0x15:
            at += 8 * offset if registers[dst] == immediate else 0
        else:
            assert code == 0x95
            return bool(registers[0])


BLOCK, CHARACTER = 1, 2
MKNOD, READ, WRITE = 1, 2, 4


def test_the_v2_program_lets_any_node_be_made_but_only_harmless_ones_be_opened() -> None:
    assert allowed(DEVICE_RULES, CHARACTER, READ | WRITE, 1, 3)
    assert allowed(DEVICE_RULES, CHARACTER, READ, 136, 7)
    assert allowed(DEVICE_RULES, BLOCK, MKNOD, 8, 0)
    assert not allowed(DEVICE_RULES, BLOCK, READ, 8, 0)
    assert not allowed(DEVICE_RULES, CHARACTER, READ, 1, 1)
    assert not allowed(DEVICE_RULES, BLOCK, READ | MKNOD, 8, 0)
    assert not allowed(DEVICE_RULES, BLOCK, READ, 1, 3)


def test_the_last_rule_that_names_an_access_decides_on_it() -> None:
    rules = (DENY_ALL, DeviceRule(True, "c", 1), DeviceRule(False, "c", 1, 5), DeviceRule(False, "c", 1, 9, "w"))
    assert allowed(rules, CHARACTER, READ | WRITE, 1, 3)
    assert not allowed(rules, CHARACTER, READ, 1, 5)
    assert allowed(rules, CHARACTER, READ, 1, 9)
    assert not allowed(rules, CHARACTER, READ | WRITE, 1, 9)


def test_accesses_allowed_by_different_rules_add_up() -> None:
    rules = (DENY_ALL, DeviceRule(True, "b", 8, 0, "r"), DeviceRule(True, "b", 8, None, "w"))
    assert allowed(rules, BLOCK, READ | WRITE, 8, 0)
    assert not allowed(rules, BLOCK, READ | WRITE | MKNOD, 8, 0)
    assert not allowed(rules, BLOCK, READ | WRITE, 8, 1)
    assert allowed((ALLOW_ALL,), BLOCK, READ | WRITE, 8, 1)
