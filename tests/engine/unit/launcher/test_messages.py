"""The handshake's messages, and the imports that every container pays for."""

import marshal
import os
import socket
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from engine.errors import CommandNotExecutable, CommandNotFound, KernelError
from engine.launcher import failure, hook_forms, link, messages, program, steps

PROCESS = messages.Process(
    ["sh"], ["PATH=/bin"], "/", 0, 0, [], [], 1, 1, 1, 0, 40, True, None, False, [24, 80], 0, [], 0, 0
)
BIRTH = messages.Birth("/f/rootfs", "x86_64", "h", [["mkdir", "/x", 493]], [], 0, PROCESS, b"\x06\0\0\0")


def plan_of(birth: messages.Birth, folder: str = "/f") -> messages.Plan:
    root = messages.Root(["/layers/a/diff"], "/layers", folder, True, 0, False)
    packed = messages.pack_birth(birth)
    return messages.Plan(
        "id",
        1,
        folder,
        "/o",
        0,
        False,
        False,
        "/bin",
        "",
        False,
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
        [],
        [],
        None,
        0.0,
        b"",
        [],
        b"",
        packed,
    )


def test_a_plan_of_any_size_survives_its_memfd() -> None:
    large = BIRTH._replace(process=PROCESS._replace(env=["X=" + "é" * 500_000]))
    plan = plan_of(large)
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


FORMS = (messages.Process, messages.Root, messages.Birth, messages.Plan, messages.Turn, messages.Check, hook_forms.Hook)
KNOWN = {5: 855062820}


def test_another_form_has_another_version() -> None:
    """If this fails: count `messages.VERSION` up, and put the new checksum here."""
    forms = [
        (form.__name__, form._fields)
        for form in (*FORMS, hook_forms.Hooks, messages.Care, messages.Way, messages.Entry)
    ]
    names = (*sorted(steps.STEPS), *sorted(program.SETTINGS))
    assert {messages.VERSION: zlib.crc32(repr((forms, names)).encode())} == KNOWN


def test_a_plan_of_another_version_gives_way_to_the_one_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(BIRTH, str(tmp_path))
    monkeypatch.setattr(messages, "VERSION", 0)
    old = messages.write_plan(plan._replace(run=7, restarts=3, restart_ms=400, oom_kills=2, search_path="/old"))
    (tmp_path / messages.COMPILED).write_bytes(marshal.dumps(("", messages.pack_plan(plan), b"")))
    monkeypatch.undo()
    try:
        with pytest.raises(messages.OtherVersion):
            messages.read_plan(old)
        with pytest.raises(messages.OtherVersion):
            messages.understand(old)
        (tmp_path / messages.COMPILED).write_bytes(marshal.dumps(("", messages.pack_plan(plan), b"")))
        understood, fd = messages.understand(old)
        assert understood == plan._replace(run=7, restarts=3, restart_ms=400, oom_kills=2)
        assert messages.read_plan(fd) == understood
        assert messages.understand(fd) == (understood, fd)
        os.close(fd)
    finally:
        os.close(old)


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
