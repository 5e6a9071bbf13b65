"""An image put together from layer tars: its configuration, its id and its digests."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
HOST_ARCHITECTURE = ARCHITECTURES.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Built:
    """An image before it is written into an archive; `layers` are uncompressed tars, lowest first."""

    reference: str
    config: bytes
    layers: tuple[bytes, ...]

    @property
    def id(self) -> str:
        """Digest of the configuration."""
        return digest(self.config)

    @property
    def diff_ids(self) -> list[str]:
        """Digests of the uncompressed layers."""
        return [digest(layer) for layer in self.layers]


def build(
    reference: str,
    layers: Sequence[bytes],
    *,
    config: Mapping[str, Any] | None = None,
    architecture: str = HOST_ARCHITECTURE,
    diff_ids: Sequence[str] | None = None,
) -> Built:
    """An image of these layers; `config` is the `config` object (`Cmd`, `Env` …), `diff_ids` may be told wrong."""
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids or [digest(layer) for layer in layers])},
        "history": [{"created": "2026-01-02T03:04:05Z", "created_by": f"layer {n}"} for n in range(len(layers))],
    }
    return Built(reference, json.dumps(document).encode(), tuple(layers))


def digest(data: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
