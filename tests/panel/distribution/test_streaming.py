"""Blobs of any size go through in bounded memory, and no cut, kill or full disk spoils one."""

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from panel.accounts.models import User
from panel.distribution import folder
from panel.distribution.folder import Folder, Hashes, storage
from panel.distribution.models import Blob
from tests.panel.distribution.conftest import Client, digest_of
from tests.services.disks import small_disk
from tests.services.processes import wait_until
from tests.services.web import Web

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1 << 20
CONTENT = bytes(range(256)) * 12 * 1024  # 3 MiB


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A web process that may be killed."""
    web = Web(tmp_path / "web.log")
    web.start()
    yield web
    web.kill()


def half(client: Client, address: str, *, length: int = len(CONTENT) // 2) -> socket.socket:
    """A PATCH that promises all of CONTENT and has sent `length` bytes; the connection stays open."""
    host, _, port = client.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    head = f"PATCH {address} HTTP/1.1\r\nHost: {client.address}\r\nAuthorization: {client.authorization}\r\n"
    connection.sendall(f"{head}Content-Length: {len(CONTENT)}\r\n\r\n".encode() + CONTENT[:length])
    return connection


def complete(client: Client, address: str) -> str:
    """Go on where the registry says one is, in two requests; the digest."""
    start = int(client.ask("GET", address).headers["range"].partition("-")[2]) + 1
    assert 0 < start < len(CONTENT)
    span = f"{start}-{len(CONTENT) - 1}"
    assert client.ask("PATCH", address, CONTENT[start:], content_range=span).status == 202
    digest = digest_of(CONTENT)
    assert client.ask("PUT", f"{address}?digest={digest}").status == 201
    return digest


def test_an_upload_goes_on_after_its_connection_was_cut(olga: Client) -> None:
    address = olga.begin()
    half(olga, address).close()
    wait_until(lambda: olga.ask("GET", address).headers["range"] == f"0-{len(CONTENT) // 2 - 1}", "what came is kept")

    assert olga.ask("GET", f"/v2/olga/app/blobs/{complete(olga, address)}").body == CONTENT


def test_an_upload_goes_on_after_the_web_process_was_killed(web: Web, olga: Client) -> None:
    olga.address = web.address
    address = olga.begin()
    connection = half(olga, address, length=2 * MIB + 100)
    wait_until(lambda: storage().length(address.rpartition("/")[2]) >= MIB, "a batch is on the disk")
    web.kill()
    connection.close()
    web.start()

    digest = complete(olga, address)

    assert olga.ask("GET", f"/v2/olga/app/blobs/{digest}").body == CONTENT
    assert [name for name, _at in storage().uploads()] == []


def test_large_blobs_go_through_in_little_memory(web: Web, olga: Client) -> None:
    block, count = bytes(range(256)) * 4096, 160
    olga.address = web.address
    olga.push_image("warm", b"up")
    before = web.peak_bytes()
    address = olga.begin()

    sent = olga.ask("PATCH", address, (block for _ in range(count)), content_length=str(count * MIB))
    digest = digest_of(block * count)
    done = olga.ask("PUT", f"{address}?digest={digest}")

    assert (sent.status, done.status) == (202, 201)
    connection = http.client.HTTPConnection(web.address, timeout=30)
    connection.request("GET", f"/v2/olga/app/blobs/{digest}", headers={"authorization": olga.authorization})
    answer = connection.getresponse()
    for _ in range(count):
        assert answer.read(MIB) == block
    assert answer.read() == b""
    connection.close()
    assert web.peak_bytes() - before < 32 * MIB


def test_a_client_that_reads_slowly_or_not_at_all_stops_nobody(olga: Client) -> None:
    digest = olga.push_blob(CONTENT * 4)
    slow = [http.client.HTTPConnection(olga.address, timeout=30) for _ in range(20)]
    for connection in slow:
        connection.request("GET", f"/v2/olga/app/blobs/{digest}", headers={"authorization": olga.authorization})

    assert olga.ask("GET", f"/v2/olga/app/blobs/{digest}").body == CONTENT * 4

    for connection in slow:
        connection.close()


def test_two_requests_do_not_write_one_upload(olga: Client) -> None:
    address = olga.begin()
    connection = half(olga, address)
    wait_until(lambda: storage().length(address.rpartition("/")[2]) >= MIB, "the first one writes")

    answer = olga.ask("PATCH", address, b"x")

    assert (answer.status, answer.word) == (409, "BLOB_UPLOAD_INVALID")
    connection.close()


def test_one_blob_is_pushed_by_many_at_once(olga: Client) -> None:
    names = [f"olga/app{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as pool:
        digests = set(pool.map(lambda name: olga.push_blob(CONTENT, name), names))

    assert digests == {digest_of(CONTENT)}
    assert Blob.objects.count() == 1
    assert olga.ask("GET", f"/v2/olga/app3/blobs/{digests.pop()}").body == CONTENT


def test_a_full_disk_is_told_and_nothing_is_left(olga: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path, size_bytes=4 * MIB) as disk, monkeypatch.context() as patched:
        patched.setitem(folder._opened, storage().root, Folder(disk / "registry"))

        answer = olga.ask("POST", f"/v2/olga/app/blobs/uploads/?digest={digest_of(CONTENT * 2)}", CONTENT * 2)

        assert (answer.status, answer.word) == (507, "UNKNOWN")
        assert list(storage().uploads()) == []
        assert olga.push_blob(b"small")


def test_hashes_that_are_not_known_are_computed_again(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage(), "hashes", Hashes())
    monkeypatch.setattr(folder, "MOST_HASHES", 1)
    one, two = olga.begin(), olga.begin()
    for address in (one, two):
        olga.ask("PATCH", address, b"begin")

    for address in (one, two):
        digest = digest_of(b"beginend")
        assert olga.ask("PUT", f"{address}?digest={digest}", b"end").status == 201


def test_an_upload_that_is_collected_while_it_is_written_ends_with_a_word(olga: Client, operator: User) -> None:
    address = olga.begin()
    olga.ask("PATCH", address, b"x")
    storage().cancel(address.rpartition("/")[2])

    assert olga.ask("PUT", f"{address}?digest={digest_of(b'x')}").word == "BLOB_UPLOAD_UNKNOWN"
