"""The keys that leave a program to itself: Docker's way of writing them, and what to look for in what is typed."""

from engine.errors import InvalidSpec

DEFAULT = "ctrl-p,ctrl-q"
_CONTROL = "@abcdefghijklmnopqrstuvwxyz[\\]^_"


def parse(text: str) -> bytes:
    """The bytes that keys such as `ctrl-p,ctrl-q` or `a,b` send; none for an empty text. Raises InvalidSpec."""
    return b"".join(_key(part) for part in text.split(",")) if text else b""


def _key(name: str) -> bytes:
    if len(name) == 1 and name.isascii():
        return name.encode()
    control = name.removeprefix("ctrl-")
    if len(control) == 1 and control != name and control in _CONTROL:
        return bytes([_CONTROL.index(control)])
    raise InvalidSpec(
        "detach_keys", f"{name[:40]!r} is not a key", hint="Write single characters and ctrl-<key>, joined by commas."
    )


class DetachKeys:
    """Looks for the keys in what is typed; what only begins like them is held back until it is clear."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What of it goes on to the program, and whether the keys are complete: then what follows them is left out."""
        if not self._keys:
            return typed, False
        passed = bytearray()
        for byte in typed:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    self._matched = 0
                    return bytes(passed), True
                continue
            passed += self._let_go(byte)
        return bytes(passed), False

    def rest(self) -> bytes:
        """What is still held back, when nothing more is typed."""
        held, self._matched = self._keys[: self._matched], 0
        return held

    def _let_go(self, byte: int) -> bytes:
        """What was held back and `byte` go on, but for the longest end of it with which the keys may begin."""
        held = self._keys[: self._matched] + bytes([byte])
        self._matched = max(length for length in range(len(held)) if held.endswith(self._keys[:length]))
        return held[: len(held) - self._matched]
