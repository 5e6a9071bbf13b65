"""Device rules as cgroup v1 holds them: everything is denied or allowed, but for a table of exceptions.

The kernel knows no exceptions from exceptions: a rule that would be one is refused here instead of having no effect.
"""

import functools
from dataclasses import dataclass, field

from engine.errors import Unsupported
from engine.spec.runtime import DeviceRule

Device = tuple[str, int | None, int | None]
"""Type, major and minor number; `None` is every number."""


@dataclass
class Table:
    """What the devices controller holds of one group: for each device the letters that are not as `allows`."""

    allows: bool = False
    exceptions: dict[Device, set[str]] = field(default_factory=dict)

    def add(self, rule: DeviceRule) -> None:
        """Let one more rule count. Raises Unsupported where v1 cannot tell it from what is there."""
        if rule.type == "a":
            self.allows, self.exceptions = rule.allow, {}
            return
        device, letters = (rule.type, rule.major, rule.minor), set(rule.access)
        if rule.allow != self.allows:
            self.exceptions.setdefault(device, set()).update(letters)
            return
        for other, excepted in self.exceptions.items():
            if excepted & letters and _overlap(other, device):
                if not _covers(device, other):
                    raise Unsupported(
                        f"cgroup v1 cannot {'allow' if rule.allow else 'deny'} the device {_text(device)} out of"
                        f" {_text(other)}.",
                        hint="Name the devices one by one, or use a host with cgroup v2.",
                    )
                excepted.difference_update(letters)


@functools.lru_cache(maxsize=64)
def compile_rules(rules: tuple[DeviceRule, ...]) -> Table:
    """The table that normal rules come to, which nobody is to change."""
    table = Table()
    for rule in rules:
        table.add(rule)
    table.exceptions = {device: letters for device, letters in table.exceptions.items() if letters}
    return table


def writes(before: Table | None, after: Table) -> list[tuple[str, str]]:
    """Control files and what is written to them, in order; `before` is None for a group whose rules are not known."""
    found: list[tuple[str, str]] = []
    held: dict[Device, set[str]] = before.exceptions if before else {}
    if before is None or before.allows != after.allows:
        found.append((_file(after.allows), "a"))
        held = {}
    for device, letters in after.exceptions.items():
        if more := letters - held.get(device, set()):
            found.append((_file(not after.allows), f"{_text(device)} {_sorted(more)}"))
    for device, letters in held.items():
        if less := letters - after.exceptions.get(device, set()):
            found.append((_file(after.allows), f"{_text(device)} {_sorted(less)}"))
    return found


def _file(allow: bool) -> str:
    return "devices.allow" if allow else "devices.deny"


def _text(device: Device) -> str:
    kind, *numbers = device
    return f"{kind} {':'.join('*' if number is None else str(number) for number in numbers)}"


def _sorted(letters: set[str]) -> str:
    return "".join(letter for letter in "rwm" if letter in letters)


def _covers(wide: Device, narrow: Device) -> bool:
    return wide[0] == narrow[0] and all(a in (None, b) for a, b in zip(wide[1:], narrow[1:], strict=True))


def _overlap(one: Device, other: Device) -> bool:
    pairs = zip(one[1:], other[1:], strict=True)
    return one[0] == other[0] and all(None in (a, b) or a == b for a, b in pairs)
