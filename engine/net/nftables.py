"""Speaks to nftables through its own library (libnftables(3)), in its own language (nft(8))."""

import ctypes
import ctypes.util
import functools

from engine.errors import EngineError, Unsupported


def run(commands: str) -> str:
    """Carry out all of it, or nothing; returns what was asked to be listed. Raises EngineError, Unsupported."""
    library = _library()
    context = library.nft_ctx_new(0)
    if not context:
        raise EngineError("libnftables gives no context.", hint="Is the memory of this host used up?")
    try:
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        failed = library.nft_run_cmd_from_buffer(context, commands.encode())
        if failed:
            said = (library.nft_ctx_get_error_buffer(context) or b"").decode(errors="replace").strip()
            raise EngineError(f"nftables refuses it: {said[:500]}", hint="See `nft list ruleset` for what is there.")
        return (library.nft_ctx_get_output_buffer(context) or b"").decode(errors="replace")
    finally:
        library.nft_ctx_free(context)


@functools.cache  # a failure is not kept
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        raise Unsupported(
            f"This host lacks the library of nftables: {error}", hint="Install it: Debian's package is libnftables1."
        ) from error
    library.nft_ctx_new.argtypes, library.nft_ctx_new.restype = [ctypes.c_uint32], ctypes.c_void_p
    library.nft_ctx_free.argtypes, library.nft_ctx_free.restype = [ctypes.c_void_p], None
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).argtypes, getattr(library, name).restype = [ctypes.c_void_p], ctypes.c_char_p
    return library
