"""The AppArmor profile of every container that asks for no other: what programs need stays, ways out are closed.

It guards what namespaces do not divide, also where a root has the host's user ids: the kernel's own settings and files,
mounts, and processes outside. Rules: apparmor.d(5); what Docker's own default allows, it allows.
"""

import functools
import shutil
import subprocess
from pathlib import Path

from engine.errors import Unsupported

DEFAULT = "moorage-default"

_ENABLED = Path("/sys/module/apparmor/parameters/enabled")
_LONGEST_S = 30
_RULES = """
profile moorage-default flags=(attach_disconnected, mediate_deleted) {
  file,
  network,
  capability,
  umount,
  deny mount,

  # signals from the host; everything else only among containers' programs, which namespaces keep apart
  signal (receive) peer=unconfined,
  signal (send, receive) peer=moorage-default,
  ptrace (trace, read, tracedby, readby) peer=moorage-default,

  # of /proc, only the folders of processes and what a container's own namespaces hold may be written to
  deny /proc/* w,
  deny /proc/[^0-9s]*/** w,
  deny /proc/s[^y]*/** w,
  deny /proc/sy[^s]*/** w,
  deny /proc/sys[^/]*/** w,
  deny /proc/sys/{[^k]**,k[^e]**} w,
  deny /proc/sys/kernel/{[^s]**,s[^h]**,sh[^m]**} w,
  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,

  # of /sys, only control groups
  deny /sys/{[^f]*,f[^s]*}/** wklx,
  deny /sys/fs/{[^c]*,c[^g]*}/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
"""


def is_enabled() -> bool:
    """Whether the kernel confines by AppArmor."""
    return _ENABLED.exists() and _ENABLED.read_text().startswith("Y")


def load_default() -> str:
    """Give the kernel the default profile, once in this process; why that cannot be, or nothing.

    Kernels forget profiles when they end, and another version of it may be there: so it is always given anew.
    """
    try:
        _load()
    except Unsupported as error:
        return error.message
    return ""


@functools.cache  # what fails is tried again
def _load() -> None:
    parser = shutil.which("apparmor_parser")
    if parser is None:
        raise Unsupported("there is no apparmor_parser (Debian's package apparmor has it)")
    command = [parser, "--replace", "--skip-cache", "--quiet"]
    try:
        subprocess.run(command, input=_RULES.encode(), capture_output=True, timeout=_LONGEST_S, check=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[:300]
        raise Unsupported(f"apparmor_parser: {said or f'ended with {error.returncode}'}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unsupported(f"apparmor_parser: {error}") from error
