"""A real, runnable image from Debian's busybox-static: 2 MB, every applet a link in /bin."""

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.images.build import Built, build
from tests.images.layers import directory, file, hard_link, layer

BUSYBOX = Path("/bin/busybox")
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"


@functools.cache
def busybox_layer() -> bytes:
    """The layer: /bin/busybox with its applets, /etc/passwd and /etc/group, /root, /tmp, /dev, /proc, /sys."""
    listed = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    applets = [hard_link(f"bin/{name}", "bin/busybox") for name in listed if name != "busybox"]
    folders = [directory(name) for name in ("bin", "dev", "etc", "proc", "sys", "var")]
    return layer(
        *folders,
        directory("root", mode=0o700),
        directory("tmp", mode=0o1777),
        file("etc/passwd", PASSWD),
        file("etc/group", GROUP),
        file("bin/busybox", BUSYBOX.read_bytes(), mode=0o755),
        *applets,
    )


def busybox(
    reference: str = "busybox:test",
    *,
    command: Sequence[str] = ("sh",),
    entrypoint: Sequence[str] | None = None,
    env: Sequence[str] = ("PATH=/bin",),
    user: str = "",
    working_dir: str = "",
) -> Built:
    """The image; what it runs and how can be chosen."""
    config = {"Cmd": list(command), "Env": list(env), "User": user, "WorkingDir": working_dir}
    return build(reference, [busybox_layer()], config=config | ({"Entrypoint": list(entrypoint)} if entrypoint else {}))


def printer(reference: str = "printer:test", *, interval_s: float = 1.0) -> Built:
    """An image that prints `line 1`, `line 2` … one every `interval_s` seconds and ends at once when it is told to."""
    script = f"trap 'exit 0' TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep {interval_s} & wait $!; done"
    return busybox(reference, command=("sh", "-c", script))
