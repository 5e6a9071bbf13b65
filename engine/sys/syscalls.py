"""The numbers of system calls by name, as libseccomp knows them."""

import ctypes
import functools

from engine.errors import Unsupported

# Newer than some distributions' libseccomp; from 424 on all architectures share one numbering (syscall.tbl).
_SHARED = {
    "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
    "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460,
    "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464, "listxattrat": 465,
    "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469,
}  # fmt: skip
_X32_BIT = 0x40000000
_ARCH_X32 = 0x4000003E  # libseccomp's own token: x86_64 with 32-bit pointers


def syscall_number(name: str, arch: int) -> int | None:
    """Number of the system call `name` on the AUDIT_ARCH (or libseccomp x32) token `arch`; None where it has none."""
    number = _libseccomp().seccomp_syscall_resolve_name_arch(arch, name.encode())
    if number >= 0:
        return int(number)
    if name in _SHARED:
        return _SHARED[name] | (_X32_BIT if arch == _ARCH_X32 else 0)
    return None


@functools.cache
def _libseccomp() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        raise Unsupported("libseccomp.so.2 cannot be loaded", hint="Install the package libseccomp2.") from error
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    return library
