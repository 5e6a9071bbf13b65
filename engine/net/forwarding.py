"""Lets the kernel pass packets on between interfaces (ip-sysctl.rst), which networks of containers need."""

from pathlib import Path

from engine.sys.process import boot_id

_SETTINGS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")


def allow(note: Path) -> bool:
    """Turn it on where it is off; whether that was done since the host booted, which the file `note` remembers."""
    for name in _SETTINGS:
        path = Path("/proc/sys") / name
        if path.exists() and path.read_text().strip() == "0":
            note.write_text(boot_id())
            path.write_text("1")
    return note.exists() and note.read_text() == boot_id()
