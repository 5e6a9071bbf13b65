"""The handshake's messages, and the imports that every container pays for."""

import os
import socket
import subprocess
import sys

from engine.errors import CommandNotExecutable, CommandNotFound, KernelError
from engine.launcher import failure, link, messages

PROCESS = messages.Process(
    ["sh"], ["PATH=/bin"], "/", 0, 0, [], [], 1, 1, 1, 0, 40, True, None, False, [24, 80], 0, [], 0, 0
)
BIRTH = messages.Birth("/f/rootfs", "x86_64", "h", [["mkdir", "/x", 493]], [], 0, PROCESS, b"\x06\0\0\0")


def test_a_plan_of_any_size_survives_its_memfd() -> None:
    large = BIRTH._replace(process=PROCESS._replace(env=["X=" + "é" * 500_000]))
    root = messages.Root(["/layers/a/diff"], "/layers", "/f", True, 0, False)
    birth = messages.pack_birth(large)
    plan = messages.Plan(
        "id",
        1,
        "/f",
        "/o",
        0,
        False,
        False,
        "/bin",
        "",
        [],
        "",
        [],
        [],
        0,
        0,
        0,
        ["none"],
        root,
        [],
        [],
        [],
        None,
        0.0,
        b"",
        [],
        birth,
    )
    fd = messages.write_plan(plan)
    try:
        assert messages.read_plan(fd) == plan
        assert messages.unpack_birth(messages.read_plan(fd).birth) == large
    finally:
        os.close(fd)


def test_an_entry_survives_its_memfd() -> None:
    way = messages.Way("x86_64", 7, True, ["/t"], [True, False, True], PROCESS, b"f", False)
    entry = messages.Entry("/f", "boot", "/bin", "/cg", messages.pack_way(way))
    fd = messages.write_entry(entry)
    try:
        assert messages.read_entry(fd) == entry
        assert messages.unpack_way(messages.read_entry(fd).way) == way
    finally:
        os.close(fd)


def test_fields_that_are_not_utf_8_survive_a_message() -> None:
    assert messages.unpack(messages.pack(messages.FAILED, "open", 2, "/\udcff")) == (
        b"failed",
        ["open", "2", "/\udcff"],
    )


def test_a_failed_step_has_the_exit_code_a_shell_would_give() -> None:
    missing = failure.explain("execve", 2, "nosuch", "/bin")
    assert isinstance(missing, CommandNotFound)
    assert (failure.exit_code_of(missing), missing.hint) == (127, "It was looked for in PATH: /bin.")
    refused = failure.explain("execve", 13, "/etc", "")
    assert isinstance(refused, CommandNotExecutable)
    assert failure.exit_code_of(refused) == 126
    other = failure.explain("mount overlay", 22, "/x", "")
    assert isinstance(other, KernelError)
    assert failure.exit_code_of(other) == 128


def test_the_launcher_imports_neither_asyncio_nor_dataclasses_nor_anything_installed() -> None:
    code = "import engine.launcher.launcher, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"asyncio", "dataclasses", "socket", "subprocess", "pathlib", "logging", "zstandard", "django", "celery"}
    assert heavy.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith(("engine.container", "engine.images", "engine.host"))]


def test_what_was_said_before_a_socket_was_closed_on_unread_messages_is_heard() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.send(messages.pack(messages.FAILED, "chdir", 2, "/nosuch"))
        ours.send(messages.GO)
        theirs.close()
        assert link.receive(ours) == (messages.pack(messages.FAILED, "chdir", 2, "/nosuch"), [])
        assert link.receive(ours) == (b"", [])
