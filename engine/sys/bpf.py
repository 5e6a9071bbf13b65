"""bpf(2): load a program, attach it to a cgroup."""

import ctypes
import struct

from engine.errors import KernelError
from engine.sys.libc import syscall

_BPF = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_ATTACH, _PROG_GET_FD_BY_ID, _PROG_QUERY = 5, 8, 13, 16
_ATTRIBUTES_BYTES = 128
PROG_TYPE_CGROUP_DEVICE = 15
CGROUP_DEVICE = 6
F_ALLOW_MULTI, F_REPLACE = 2, 4
_MOST_PROGRAMS = 64
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


def attach_to_cgroup(cgroup_fd: int, program_fd: int, attach_type: int, machine: str, *, instead_of: int = -1) -> None:
    """Attach the program to the cgroup beside those that are there, or in one step `instead_of` another (Linux 5.6)."""
    flags = F_ALLOW_MULTI | (F_REPLACE if instead_of >= 0 else 0)
    attributes = struct.pack("<5I", cgroup_fd, program_fd, attach_type, flags, max(instead_of, 0))
    _bpf(_PROG_ATTACH, attributes, machine)


def attached_to_cgroup(cgroup_fd: int, attach_type: int, machine: str) -> list[int]:
    """Ids of the programs attached to the cgroup itself; at most 64 (struct bpf_attr, "query")."""
    ids = (ctypes.c_uint32 * _MOST_PROGRAMS)()
    asked = struct.pack("<4IQI", cgroup_fd, attach_type, 0, 0, ctypes.addressof(ids), _MOST_PROGRAMS)
    buffer = ctypes.create_string_buffer(asked, _ATTRIBUTES_BYTES)
    syscall("bpf", _BPF[machine], _PROG_QUERY, buffer, _ATTRIBUTES_BYTES)
    count: int = struct.unpack_from("<I", buffer, 24)[0]
    return list(ids)[:count]


def open_program(program_id: int, machine: str) -> int:
    """A descriptor of a loaded program. The caller closes it."""
    return _bpf(_PROG_GET_FD_BY_ID, struct.pack("<I", program_id), machine)


def _bpf(command: int, attributes: bytes, machine: str) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(_ATTRIBUTES_BYTES, b"\0"), _ATTRIBUTES_BYTES)
    return syscall("bpf", _BPF[machine], command, buffer, _ATTRIBUTES_BYTES)
