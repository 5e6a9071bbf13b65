"""An image that tries to get out: busybox, `attack` (see `attack.c`), and a linker that is none (`interpreter.c`)."""

import functools
import platform
import subprocess
import tempfile
from pathlib import Path

from tests.images.build import Built, build
from tests.images.busybox import busybox_layer
from tests.images.layers import directory, file, layer, symlink

_LINKERS = {"x86_64": "lib64/ld-linux-x86-64.so.2", "aarch64": "lib/ld-linux-aarch64.so.1"}
_FREESTANDING = ("-ffreestanding", "-fno-stack-protector", "-nostdlib", "-static-pie")


def attacks(reference: str = "attacks:test") -> Built:
    """The image; `/bin/elevate` is `attack` with the bits of set-user-id and set-group-id."""
    return build(reference, [busybox_layer(), attacks_layer()], config={"Env": ["PATH=/bin"]})


@functools.cache
def attacks_layer() -> bytes:
    """What the image has on top of busybox."""
    attack, linker = _compile("attack", "-static"), Path(_LINKERS[platform.machine()])
    return layer(
        file("bin/attack", attack, mode=0o755),
        file("bin/elevate", attack, mode=0o6755),
        file("bin/engine", b"#!/proc/self/exe\n", mode=0o755),
        symlink("bin/engine-link", "/proc/self/exe"),
        directory(str(linker.parent)),
        file(str(linker), _compile("interpreter", *_FREESTANDING), mode=0o755),
    )


def _compile(name: str, *options: str) -> bytes:
    source = Path(__file__).with_name(f"{name}.c")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, name)
        subprocess.run(["gcc", "-O2", "-Wall", *options, "-o", program, source], check=True)
        return program.read_bytes()
