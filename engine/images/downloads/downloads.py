"""All blobs of one pull: a few are fetched at once, in the order in which they will be unpacked.

Each has a file of its own in the store's `downloads` folder, named by its digest. Two pulls that want the same blob
take turns, so the second finds it there. Files go when their image is in the store; those of a pull that failed, was
cancelled or killed stay for the next try, and `engine.images.cleaning` removes them when there is none. Where the disk
is full they go at once.
"""

import os
import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from engine.errors import StorageFull
from engine.images.downloads.claim import claimed, forget
from engine.images.downloads.download import Download
from engine.images.layout import Layout
from engine.images.limits import DiskSpace, noticing_full_disk
from engine.images.reference import Reference
from engine.images.registry import RegistryClient, RemoteBlob
from engine.images.reporter import Reporter
from engine.images.staging import Staging
from engine.spec.image import Descriptor

AT_ONCE = 4
_LET_GO_S = 1.0
_COPY_BYTES = 16 << 20


class Downloads:
    """A context manager, which ends the threads. What is whole is kept in `staging`."""

    def __init__(
        self, client: RegistryClient, reference: Reference, layout: Layout, staging: Staging, reporter: Reporter
    ) -> None:
        self._client, self._reference, self._layout, self._staging = client, reference, layout, staging
        self._reporter = reporter
        self._space = DiskSpace(layout.root)
        self._all: dict[str, Download] = {}
        self._waiting: queue.SimpleQueue[Download | None] = queue.SimpleQueue()
        self._at_work: set[RemoteBlob] = set()
        self._threads: list[threading.Thread] = []
        self._is_over = False
        self._claims = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._stop()
        self._claims.close()
        if kind is None or isinstance(error, StorageFull):
            for download in self._all.values():
                forget(download.path)

    def take_turn(self, digest: str, on_wait: Callable[[], None]) -> None:
        """Wait while another pull brings the image of this manifest."""
        path = self._layout.download(digest)
        self._claims.enter_context(claimed(path, on_wait=on_wait))
        self._claims.callback(path.unlink, missing_ok=True)

    def start(self, blob: Descriptor, step: int) -> Download:
        """Fetch the blob when its turn comes; one that is fetched already is not fetched again."""
        if blob.digest not in self._all:
            download = Download(blob, self._layout.download(blob.digest), self._reporter, step)
            self._all[blob.digest] = download
            self._waiting.put(download)
            if len(self._threads) < AT_ONCE:
                thread = threading.Thread(target=self._work, name="download", daemon=True)
                self._threads.append(thread)
                thread.start()
        return self._all[blob.digest]

    def _work(self) -> None:
        while (download := self._waiting.get()) is not None:
            try:
                self._fetch(download)
            except BaseException as error:  # whoever waits for it raises it
                download.finish(error)
            else:
                download.finish()

    def _fetch(self, download: Download) -> None:
        with noticing_full_disk(self._layout.root), claimed(download.path, on_wait=download.check) as fd:
            self._take_from_store(download.blob.digest, fd)
            remote = RemoteBlob(self._client, self._reference, download.blob, download.check)
            self._at_work.add(remote)
            try:
                download.fetch(fd, remote, self._space)
            finally:
                self._at_work.discard(remote)
                remote.close()
            self._staging.link_blob(download.blob.digest, download.path)

    def _take_from_store(self, digest: str, fd: int) -> None:
        """Another pull may have brought it there while this one waited for its turn at the file."""
        if os.fstat(fd).st_size or not self._staging.has_blob(digest):
            return
        with self._staging.blob(digest).open("rb") as stored:
            while os.sendfile(fd, stored.fileno(), None, _COPY_BYTES):
                pass
        os.lseek(fd, 0, os.SEEK_SET)

    def _stop(self) -> None:
        """End the threads; one that waits for a registry which does not answer goes by itself when it may."""
        for download in self._all.values():
            download.is_over = True
        for blob in tuple(self._at_work):
            blob.cut()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(_LET_GO_S)
