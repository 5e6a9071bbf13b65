"""A download is read while it comes, and its end waits for the verdict on it."""

import threading
from pathlib import Path

import pytest

from engine.errors import InvalidArchive
from engine.images.downloads.download import Download, Following
from engine.images.reporter import Reporter
from engine.spec.image import OCI_LAYER, Descriptor


def download_of(path: Path, count: int) -> Download:
    """Ten bytes on their way into the file, of which `count` came."""
    reporter = Reporter(None, None)
    return Download(Descriptor(OCI_LAYER, "sha256:0", 10), path, reporter, reporter.plan("layer", 10), count=count)


@pytest.mark.parametrize("count", [3, 10, 11])
def test_bytes_that_were_removed_as_wrong_are_told_as_that(tmp_path: Path, count: int) -> None:
    download = download_of(tmp_path / "gone", count)
    refusal = threading.Timer(0.2, download.finish, [InvalidArchive("digest mismatch")])
    refusal.start()

    with Following(download, lambda: None) as coming, pytest.raises(InvalidArchive, match="digest mismatch"):
        coming.read(20)
    refusal.join()


def test_more_bytes_than_there_should_be_are_no_end(tmp_path: Path) -> None:
    path = tmp_path / "longer"
    path.write_bytes(b"0123456789x")
    download = download_of(path, 11)
    refusal = threading.Timer(0.2, download.finish, [InvalidArchive("digest mismatch")])

    with Following(download, lambda: None) as coming:
        assert coming.read(10) == b"0123456789"
        refusal.start()
        with pytest.raises(InvalidArchive, match="digest mismatch"):
            coming.read(4)
    refusal.join()
