"""Which files are written for which limit, on either version."""

from engine.cgroups import cpu, devices, memory, pids
from engine.spec.defaults import DEVICE_RULES
from engine.spec.runtime import Cpu, DeviceRule, Memory, Pids, Resources

LIMITS = Resources(memory=Memory(64 << 20, 128 << 20), cpu=Cpu(1024, 50000, 100000), pids=Pids(10))


def test_v1_sets_memory_before_memory_with_swap() -> None:
    assert memory.v1(LIMITS) == [
        ("memory.limit_in_bytes", str(64 << 20)),
        ("memory.memsw.limit_in_bytes", str(128 << 20)),
    ]


def test_v2_counts_swap_apart_from_memory() -> None:
    assert memory.v2(LIMITS) == [("memory.max", str(64 << 20)), ("memory.swap.max", str(64 << 20))]


def test_cpu_shares_keep_their_place_on_the_scale_of_v2() -> None:
    assert cpu.v2(LIMITS) == [("cpu.weight", "39"), ("cpu.max", "50000 100000")]
    assert [cpu.weight_of(shares) for shares in (2, 262144)] == [1, 10000]


def test_v1_sets_the_period_before_the_quota() -> None:
    assert [name for name, _ in cpu.v1(LIMITS)] == ["cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"]


def test_pids_are_the_same_on_both() -> None:
    assert pids.v1(LIMITS) == pids.v2(LIMITS) == [("pids.max", "10")]


def test_nothing_is_written_without_limits() -> None:
    assert [rules(Resources()) for rules in (memory.v1, memory.v2, cpu.v1, cpu.v2, pids.v1)] == [[]] * 5


def test_v1_device_rules_start_by_denying_all() -> None:
    writes = devices.v1(Resources(devices=DEVICE_RULES))
    assert writes[0] == ("devices.deny", "a")
    assert ("devices.allow", "c 1:3 rwm") in writes
    assert ("devices.allow", "c 136:* rwm") in writes


def allowed(program: bytes, kind: int, access: int, major: int, minor: int) -> bool:
    """The few BPF instructions that `devices.v2_program` uses, carried out."""
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
        else:
            return bool(registers[0])


BLOCK, CHARACTER = 1, 2
MKNOD, READ, WRITE = 1, 2, 4


def test_the_v2_program_lets_any_node_be_made_but_only_harmless_ones_be_opened() -> None:
    program = devices.v2_program(DEVICE_RULES)
    assert allowed(program, CHARACTER, READ | WRITE, 1, 3)
    assert allowed(program, CHARACTER, READ, 136, 7)
    assert allowed(program, BLOCK, MKNOD, 8, 0)
    assert not allowed(program, BLOCK, READ, 8, 0)
    assert not allowed(program, CHARACTER, READ, 1, 1)
    assert not allowed(program, BLOCK, READ | MKNOD, 8, 0)
    assert not allowed(program, BLOCK, READ, 1, 3)


def test_the_last_rule_that_matches_decides() -> None:
    program = devices.v2_program((DeviceRule(False), DeviceRule(True, "c", 1), DeviceRule(False, "c", 1, 5)))
    assert allowed(program, CHARACTER, READ, 1, 3)
    assert not allowed(program, CHARACTER, READ, 1, 5)
