"""What a failed start is called and its exit code: one reading of a failed step, for record and caller alike."""

import os

from engine.errors import CommandNotExecutable, CommandNotFound, EngineError, InvalidSpec, KernelError, StorageFull

_MISSING = (2, 20)  # ENOENT, ENOTDIR
_EACCES, _ENOTDIR, _EINVAL = 13, 20, 22
_FULL = (28, 122)  # ENOSPC, EDQUOT
_RECORDS = ("started.json", "/log")
_SETTINGS = "/proc/sys/"
_APPARMOR = "/proc/self/attr/apparmor/exec"
HOOK = "hook"  # in place of a system call: the words that follow tell it all
_EXIT_CODE = 128  # neither the program nor its lack: the engine could not start it


def explain(syscall: str, errno: int, path: str, search_path: str) -> EngineError:
    """The error for a step that failed with `errno` on `path`; `search_path` is the container's PATH."""
    if syscall == HOOK:
        return EngineError(path)
    if errno == 0:
        return EngineError(f"The program's process failed in {syscall}: {path}") if path else _told(syscall)
    if syscall == "execve" and errno in _MISSING:
        hint = "Check the image and the command." if "/" in path else f"It was looked for in PATH: {search_path}."
        return CommandNotFound(f"{path}: no such program in the container.", hint=hint)
    if syscall == "execve":
        hint = "Check the program's mode, its format and its interpreter."
        return CommandNotExecutable(f"{path}: cannot be executed: {os.strerror(errno)}.", hint=hint)
    if errno in _FULL and path.endswith(_RECORDS):
        return StorageFull("The disk has no room for the record of the start.", hint="Make room on it, then try again.")
    if path.startswith(_SETTINGS):
        what = (
            "this kernel has no such setting" if errno in _MISSING else f"the kernel refuses it: {os.strerror(errno)}"
        )
        return InvalidSpec(f"sysctls.{path.removeprefix(_SETTINGS).replace('/', '.')}", what)
    if path == _APPARMOR and errno in _MISSING:
        return InvalidSpec("apparmor", "the host has loaded no profile of this name", hint="apparmor_parser loads it.")
    return KernelError(syscall, errno, path, hint=_hint(syscall, errno, path))


def _told(words: str) -> EngineError:
    """What another OCI runtime said, by whose words it can be told whether the program is to blame."""
    if "executable file" in words and "not found" in words:
        return CommandNotFound(words)
    if "exec: " in words and "no such file or directory" in words:
        return CommandNotFound(words)
    if "exec: " in words and "permission denied" in words:
        return CommandNotExecutable(words)
    return EngineError(words)


def _hint(syscall: str, errno: int, path: str) -> str:
    if syscall == "chdir":
        return "Check the working directory."
    if syscall == "move_mount" and errno in (_ENOTDIR, _EINVAL):
        return "A folder is mounted on a folder, a file on a file: see that both are the same."
    if errno == _EACCES and path.endswith("/oom_score_adj"):
        return "Root of this host may not be spared like that: it lacks CAP_SYS_RESOURCE."
    if errno == _EINVAL and path.endswith("/tasks"):  # of v1's cpu controller, on kernels that group real time
        return "A program with a real-time scheduler needs a share of real time too: cpu_rt_runtime_us."
    return ""


def explain_fields(fields: list[str], search_path: str) -> EngineError:
    """The error for the fields of FAILED, or for none: a process that is gone without a word."""
    if not fields:
        return EngineError("The container's first process was killed before it was ready.")
    syscall, errno, path = fields
    return explain(syscall, int(errno), path, search_path)


def exit_code_of(error: EngineError) -> int:
    """127 for a program that is not there, 126 for one that cannot be executed, 128 for anything else."""
    return getattr(error, "exit_code", _EXIT_CODE)
