"""An upload appears whole under its id, or not at all."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from engine.errors import InvalidSpec, NotFound
from engine.images import ImageStore

ID = "0b6f3c1e-8a51-4b36-9a3d-2f1f0c5f7a10"


def test_a_committed_upload_can_be_read_until_it_is_aborted(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    with store.open_upload(ID) as upload:
        upload.write(b"one ")
        upload.write(b"two")
        with pytest.raises(NotFound, match="no upload"):
            store.open_upload(ID).open()
        assert upload.commit() == 7
    with store.open_upload(ID).open() as file:
        assert file.read() == b"one two"
    store.open_upload(ID).abort()
    assert list((tmp_path / "images/incoming").iterdir()) == []


def test_an_upload_whose_sender_fails_leaves_nothing(tmp_path: Path) -> None:
    def receive() -> None:
        with ImageStore(tmp_path).open_upload(ID) as upload:
            upload.write(b"half")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        receive()
    assert list((tmp_path / "images/incoming").iterdir()) == []


def test_an_empty_upload_is_one_too(tmp_path: Path) -> None:
    assert ImageStore(tmp_path).open_upload(ID).commit() == 0


@pytest.mark.parametrize(
    "upload_id", ["", "../../etc/passwd", ID.upper(), ID.replace("-", ""), f"{ID}\n", f"urn:uuid:{ID}"]
)
def test_an_id_that_is_no_uuid_is_refused(tmp_path: Path, upload_id: str) -> None:
    with pytest.raises(InvalidSpec, match="not an upload's id"):
        ImageStore(tmp_path).open_upload(upload_id)


def test_what_nobody_writes_any_more_is_cleaned_up_after_a_day(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    for upload_id in (ID, str(uuid4())):
        store.open_upload(upload_id).commit()
    os.utime(tmp_path / "images/incoming" / ID, (1, 1))
    store.repair()
    assert [path.name == ID for path in (tmp_path / "images/incoming").iterdir()] == [False]
