"""The log drivers that send output away: forms, slow and absent receivers, and what is kept here."""

import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.logs import LogReader
from engine.logs.messages import SyslogForm
from engine.logs.opening import open_log
from engine.logs.writer import STDERR, STDOUT
from tests.services.processes import wait_until

KEPT = ["local", 1 << 20, 2, False]
HEAD = ["rfc5424", 24, "tag", "host", False]


def syslog(
    folder: Path,
    *places: list[Any],
    limit: int = 1 << 20,
    blocks: bool = True,
    head: list[Any] = HEAD,
    tls: list[Any] = [],  # noqa: B006
) -> Any:
    return open_log(["syslog", KEPT, limit, blocks, "here", list(places), head, tls], str(folder))


def kept(folder: Path) -> list[bytes]:
    return [line.text for batch in LogReader(folder, "syslog").read() for line in batch.lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "syslog"))
        listening.settimeout(10)
        yield listening


def unix(server: socket.socket) -> list[Any]:
    return [socket.AF_UNIX, int(server.type), server.getsockname()]


@pytest.mark.parametrize(
    ("kind", "counts", "pattern"),
    [
        ("", False, rb"<30>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d tag\[\d+\]: text\n"),
        ("rfc3164", False, rb"<30>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d host tag\[\d+\]: text\n"),
        ("rfc5424", False, rb"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ host tag \d+ tag - text\n"),
        ("rfc5424micro", False, rb"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z host tag \d+ tag - text\n"),
        ("rfc5424", True, rb"\d+ <30>1 .* - text\n"),
    ],
)
def test_messages_have_the_form_that_was_chosen(kind: str, counts: bool, pattern: bytes) -> None:
    form = SyslogForm(kind, 24, "tag", "host", counts)
    assert re.fullmatch(pattern, form(b"text", STDOUT, False))
    assert b"<27>" in form(b"text", STDERR, False)


def test_every_line_is_sent_and_kept(folder: Path, server: socket.socket) -> None:
    log = syslog(folder, unix(server))
    log.write(b"one\ntwo\nthr", STDOUT)
    log.write(b"ee\n", STDOUT)
    log.write(b"unfinished", STDERR)
    log.mark_end(1)
    log.close()
    received = [server.recv(9000).partition(b" - ")[2] for _ in range(4)]
    assert received == [b"one\n", b"two\n", b"three\n", b"unfinished\n"]
    assert kept(folder) == [b"one", b"two", b"three", b"unfinished"]


def test_a_server_that_is_away_is_told_of_once_and_gets_what_waited_when_it_comes(folder: Path, tmp_path: Path) -> None:
    place = [socket.AF_UNIX, int(socket.SOCK_DGRAM), str(tmp_path / "late")]
    log = syslog(folder, place)
    log.write(b"early\n", STDOUT)
    log.write(b"also early\n", STDOUT)
    assert [text for text in kept(folder) if text.startswith(b"[")] == [
        b"[syslog server here takes no messages: No such file or directory; 1048576 bytes of them wait until it does]"
    ]
    assert 0 < log.tend() <= 1000
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "late"))
        server.setblocking(False)
        wait_until(lambda: log.tend() is None, "it was sent")
        assert [server.recv(9000)[-6:] for _ in range(2)] == [b"early\n"] * 2
    log.close()


def test_what_does_not_fit_is_dropped_counted_and_told(folder: Path, tmp_path: Path) -> None:
    log = syslog(folder, [socket.AF_UNIX, int(socket.SOCK_DGRAM), str(tmp_path / "never")], limit=1024, blocks=False)
    for number in range(100):
        log.write(b"line %d\n" % number, STDOUT)
    log.mark_end(1)
    log.close()
    texts = kept(folder)
    assert texts[-1] == b"[100 messages were not delivered to syslog server here]"
    assert [text for text in texts if text.startswith(b"line")] == [b"line %d" % number for number in range(100)]


@pytest.mark.parametrize("blocks", [True, False])
def test_a_slow_server_is_waited_for_or_loses_what_does_not_fit(folder: Path, blocks: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        log = syslog(
            folder, [socket.AF_INET, int(socket.SOCK_STREAM), list(listening.getsockname())], limit=4096, blocks=blocks
        )
        received: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(1 << 16):
                    received.append(data)

        serving = threading.Thread(target=serve, daemon=True)
        log.write(b"x" * 1000 + b"\n", STDOUT)
        wait_until(lambda: log.tend() is None, "it is connected")
        if blocks:
            serving.start()
        for _ in range(8000):
            log.write(b"x" * 1000 + b"\n", STDOUT)
        if not blocks:
            serving.start()
        log.mark_end(1)
        log.close()
        serving.join(timeout=10)
    lines = b"".join(received).count(b"\n")
    told = [text for text in kept(folder) if text.startswith(b"[")]
    assert lines == 8001 if blocks else 8 < lines < 8001
    assert bool(told) is not blocks


def test_the_next_place_is_tried_where_the_first_is_of_another_kind(folder: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "stream"))
        server.listen()
        path = str(tmp_path / "stream")
        log = syslog(folder, *([socket.AF_UNIX, int(kind), path] for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)))
        log.write(b"hello\n", STDOUT)
        wait_until(lambda: log.tend() is None, "it was sent")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(9000).endswith(b"hello\n")
        log.close()
    assert kept(folder) == [b"hello"]


def test_messages_go_over_tls_with_their_length(folder: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += [
        "-keyout",
        str(key),
        "-out",
        str(certificate),
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(9000))

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        place = [socket.AF_INET, int(socket.SOCK_STREAM), list(listening.getsockname())]
        head = ["rfc5424", 24, "tag", "host", True]
        log = syslog(folder, place, head=head, tls=[str(certificate), "", "", False, "localhost"])
        log.write(b"secret\n", STDOUT)
        wait_until(lambda: log.tend() is None, "it was sent")
        serving.join(timeout=10)
        log.close()
    length, _, message = received[0].partition(b" ")
    assert message.endswith(b" - secret\n")
    assert int(length) == len(message)


def test_journald_gets_every_field_in_its_own_form(folder: Path, server: socket.socket) -> None:
    settings = ["journald", KEPT, 1 << 20, True, server.getsockname(), b"CONTAINER_NAME=web\n"]
    log = open_log(settings, str(folder))
    log.write(b"a=b\nlong " + b"x" * 16384 + b"\n", STDERR)
    first, second, third = (server.recv(1 << 16) for _ in range(3))
    assert first.startswith(b"MESSAGE\n\x03\0\0\0\0\0\0\0a=b\nPRIORITY=3\nSYSLOG_TIMESTAMP=2")
    assert first.endswith(b"Z\nCONTAINER_NAME=web\n")
    assert b"CONTAINER_PARTIAL_MESSAGE=true\n" in second
    assert b"PARTIAL" not in third
    log.close()


def test_nothing_need_be_kept(folder: Path, server: socket.socket) -> None:
    log = open_log(["syslog", ["none"], 1 << 20, True, "here", [unix(server)], HEAD, []], str(folder))
    log.write(b"gone\n", STDOUT)
    log.mark_end(1)
    log.settle()
    log.close()
    assert server.recv(9000).endswith(b"gone\n")
    assert [path.name for path in folder.iterdir()] == ["lock"]
