"""What a failed start is called and its exit code: one reading of a failed step, for record and caller alike."""

import os

from engine.errors import CommandNotExecutable, CommandNotFound, EngineError, KernelError

_MISSING = (2, 20)  # ENOENT, ENOTDIR
_EXIT_CODE = 128  # neither the program nor its lack: the engine could not start it


def explain(syscall: str, errno: int, path: str, search_path: str) -> EngineError:
    """The error for a step that failed with `errno` on `path`; `search_path` is the container's PATH."""
    if errno == 0:
        return EngineError(f"The program's process failed in {syscall}: {path}")
    if syscall == "execve" and errno in _MISSING:
        hint = "Check the image and the command." if "/" in path else f"It was looked for in PATH: {search_path}."
        return CommandNotFound(f"{path}: no such program in the container.", hint=hint)
    if syscall == "execve":
        hint = "Check the program's mode, its format and its interpreter."
        return CommandNotExecutable(f"{path}: cannot be executed: {os.strerror(errno)}.", hint=hint)
    if syscall == "chdir":
        return KernelError(syscall, errno, path, hint="Check the working directory.")
    return KernelError(syscall, errno, path)


def exit_code_of(error: EngineError) -> int:
    """127 for a program that is not there, 126 for one that cannot be executed, 128 for anything else."""
    return getattr(error, "exit_code", _EXIT_CODE)
