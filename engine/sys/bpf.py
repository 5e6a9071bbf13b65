"""bpf(2): load a program, attach it to a cgroup."""

import ctypes
import struct

from engine.errors import KernelError
from engine.sys.libc import syscall

_BPF = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_ATTACH = 5, 8
_ATTRIBUTES_BYTES = 128
PROG_TYPE_CGROUP_DEVICE = 15
CGROUP_DEVICE = 6
F_ALLOW_MULTI = 2
_LOG_BYTES = 65536


def instruction(code: int, dst: int = 0, src: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """One `struct bpf_insn`."""
    return struct.pack("<BBhi", code, dst | src << 4, offset, immediate)


def load(program_type: int, program: bytes, machine: str) -> int:
    """A descriptor of the verified program. KernelError carries the verifier's last words as its path."""
    code, license_ = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"Apache-2.0")
    log = ctypes.create_string_buffer(_LOG_BYTES)
    where = (ctypes.addressof(code), ctypes.addressof(license_), 1, _LOG_BYTES, ctypes.addressof(log))
    try:
        return _bpf(_PROG_LOAD, struct.pack("<IIQQIIQ", program_type, len(program) // 8, *where), machine)
    except KernelError as error:
        words = log.value.decode(errors="replace").strip().splitlines()[-1:]
        raise KernelError("bpf BPF_PROG_LOAD", error.errno, " ".join(words)) from None


def attach_to_cgroup(cgroup_fd: int, program_fd: int, attach_type: int, machine: str) -> None:
    """Attach the program to the cgroup beside those that are there."""
    _bpf(_PROG_ATTACH, struct.pack("<4I", cgroup_fd, program_fd, attach_type, F_ALLOW_MULTI), machine)


def _bpf(command: int, attributes: bytes, machine: str) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(_ATTRIBUTES_BYTES, b"\0"), _ATTRIBUTES_BYTES)
    return syscall("bpf", _BPF[machine], command, buffer, _ATTRIBUTES_BYTES)
