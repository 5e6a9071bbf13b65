"""Puts birth into the namespaces its child is to be born into: those that stand ready, and those of others."""

from __future__ import annotations

from engine.launcher import program
from engine.launcher.messages import Plan
from engine.launcher.sandbox import Sandbox
from engine.sys import process


def enter(plan: Plan, sandbox: Sandbox | None) -> int:
    """Enter what is there already; returns the CLONE_NEW* flags of what the kernel is still to make.

    After this the process may have no rights outside the container's user namespace any more. Raises KernelError.
    """
    wanted = plan.clone_flags
    if sandbox is not None and wanted & process.CLONE_NEWUSER:
        ready = {
            process.CLONE_NEWUSER: sandbox.user,
            process.CLONE_NEWNET: sandbox.net,
            process.CLONE_NEWIPC: sandbox.ipc,
            process.CLONE_NEWUTS: sandbox.uts,
        }
        for flag, fd in ready.items():
            if wanted & flag:
                process.setns(fd, flag)
                wanted &= ~flag
    if plan.time_offsets is not None:
        _make_time_namespace(plan.time_offsets)
    return wanted


def _make_time_namespace(offsets: str) -> None:
    """The next child is the first process in it; the offsets cannot be changed any more then (time_namespaces(7))."""
    process.unshare(process.CLONE_NEWTIME)
    if offsets:
        program.write("/proc/self/timens_offsets", offsets.encode())
