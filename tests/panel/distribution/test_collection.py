"""Garbage is collected exactly, beside pushes, and whatever a process left that was killed."""

import os
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from panel.distribution import beat, collection
from panel.distribution.folder import storage
from panel.distribution.models import Blob, Namespace, Repository, RepositoryBlob, Tag, Upload
from tests.panel.distribution.conftest import Client, digest_of

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(seconds=0.3)


def age(days: float = 2) -> None:
    """Everything was done so many days ago."""
    at = timezone.now() - timedelta(days=days)
    RepositoryBlob.objects.update(touched_at=at)
    Upload.objects.update(started_at=at)
    Repository.objects.update(created_at=at)
    for folder in (storage().uploading, *(storage().root / "blobs").iterdir()):
        for path in folder.iterdir():
            os.utime(path, (at.timestamp(), at.timestamp()))


def here() -> set[str]:
    return {digest for digest, _at in storage().blobs()}


def test_only_what_no_manifest_needs_goes(olga: Client, capsys: pytest.CaptureFixture[str]) -> None:
    olga.push_image("1.0", b"kept")
    loose, shared = olga.push_blob(b"loose"), olga.push_blob(b"kept", "olga/other")
    age()
    kept = here() - {loose}

    call_command("registry", "collect", "--dry-run")
    told = capsys.readouterr().out
    assert (loose in told, shared in told, here()) == (True, False, kept | {loose})
    call_command("registry", "collect")

    assert (capsys.readouterr().out, here()) == (told, kept)
    assert set(Blob.objects.values_list("digest", flat=True)) == kept
    assert olga.ask("GET", f"/v2/olga/app/blobs/{digest_of(b'kept')}").status == 200
    assert olga.ask("GET", f"/v2/olga/app/blobs/{loose}").status == 404
    assert not Repository.objects.filter(name="olga/other").exists()


def test_what_came_or_was_asked_for_lately_stays(olga: Client) -> None:
    old = olga.push_blob(b"old")
    age()
    fresh = olga.push_blob(b"fresh")
    assert olga.ask("HEAD", f"/v2/olga/app/blobs/{old}").status == 200

    assert collection.collect().blobs == []
    assert here() == {old, fresh}


def test_after_the_last_manifest_everything_goes(olga: Client) -> None:
    olga.push_image("1.0")
    Tag.objects.get().manifest.delete()
    age()

    found = collection.collect()

    assert (len(found.blobs), found.repositories, here()) == (2, ["olga/app"], set())
    assert Namespace.objects.filter(name="olga").exists()


def test_uploads_nobody_goes_on_with_go(olga: Client) -> None:
    left = olga.begin()
    olga.ask("PATCH", left, b"half of it")
    age()
    going_on = olga.begin()

    assert collection.collect().uploads == 1

    assert olga.ask("GET", left).status == 404
    assert olga.ask("GET", going_on).status == 204
    assert Upload.objects.count() == 1


def test_what_a_killed_process_left_goes(olga: Client) -> None:
    """Killed between a blob's rename and its row, between an upload's row and its file, and the other way round."""
    stray = storage().path_of(digest_of(b"stray"))
    stray.write_bytes(b"stray")
    (storage().uploading / str(uuid.uuid4())).write_bytes(b"without a row")
    olga.begin()
    Upload.objects.update(id=uuid.uuid4())
    assert collection.collect().blobs == []
    olga.push_image("1.0")
    kept = here() - {digest_of(b"stray")}
    age()

    assert collection.collect().blobs == [digest_of(b"stray")]

    assert (here(), list(storage().uploads()), Upload.objects.count()) == (kept, [], 0)


def test_with_an_empty_database_no_file_is_taken(olga: Client) -> None:
    olga.push_image("1.0")
    age()
    kept = here()
    Repository.objects.all().delete()
    Blob.objects.all().delete()

    assert (collection.collect().blobs, here()) == ([], kept)


def test_nothing_that_is_pushed_meanwhile_is_lost(olga: Client, vera: Client) -> None:
    """One pushes and deletes the same image again and again while what no manifest needs is collected at once."""
    stop, failures = threading.Event(), list[Any]()

    def collecting() -> None:
        while not stop.is_set():
            try:
                collection.collect(SOON)
            except Exception as error:
                failures.append(error)
            time.sleep(0.01)
        connection.close()

    thread = threading.Thread(target=collecting)
    thread.start()
    pushed, end = 0, time.monotonic() + 60
    try:
        while pushed < 9 and time.monotonic() < end:
            layer = digest_of(b"same every time")
            try:
                image = olga.image(b"same every time")
            except AssertionError:  # the upload was collected between its two requests
                continue
            if olga.push_manifest(image, "1.0").status == 201:  # else a blob was collected before its manifest came
                pushed += 1
                assert olga.ask("GET", f"/v2/olga/app/blobs/{layer}").body == b"same every time"
                if pushed % 3 == 0:
                    digest = olga.ask("HEAD", "/v2/olga/app/manifests/1.0").headers["docker-content-digest"]
                    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{digest}").status == 202
    finally:
        stop.set()
        thread.join()

    assert (failures, pushed) == ([], 9)
    assert set(Blob.objects.values_list("digest", flat=True)) <= here()


def test_the_clock_does_both(olga: Client) -> None:
    olga.push_image("1.0")
    olga.push_image("1.1")
    Tag.objects.filter(name="1.0").update(moved_at=timezone.now() - timedelta(days=9))
    Namespace.objects.get().rules.create(keep_last=1)
    olga.push_blob(b"loose")
    age()

    beat.tidy()

    assert Tag.objects.get().name == "1.1"
    assert digest_of(b"loose") not in here()
