"""One measured figure, as it stands in `bench/out/results.json`."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """A figure and what it is held against.

    With a peer measured in the same run, `bar` is the largest allowed ratio of `value` to `peer_value`; without one it
    is the largest allowed value. `bar` is None for a figure that is only reported.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    peer: str | None = None
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the peer's; None without a peer."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def is_ok(self) -> bool | None:
        """Whether the bar is kept; None without a bar."""
        if self.bar is None:
            return None
        return (self.value if self.peer is None else self.ratio or 0.0) <= self.bar

    def to_json(self) -> dict[str, Any]:
        """`{name, value, unit, peer, peer_value, ratio, bar, ok}`."""
        return asdict(self) | {"ratio": self.ratio, "ok": self.is_ok}


def against(name: str, value: float, peer: str, theirs: list[float], *, bar: float) -> Result:
    """Milliseconds beside the median of the peer's; without the peer on this machine there is no bar."""
    if not theirs:
        return Result(name, value, "ms")
    return Result(name, value, "ms", bar=bar, peer=peer, peer_value=statistics.median(theirs))
