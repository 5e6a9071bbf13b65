"""Brings an image to a registry: blobs that are not there yet, then the manifest, all of it byte for byte as stored."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from engine.errors import Cancelled
from engine.images.downloads.aside import aside
from engine.images.holding import HeldImage
from engine.images.layout import Layout
from engine.images.reference import Reference
from engine.images.registry import RegistryClient
from engine.images.registry.uploads import BlobUpload
from engine.images.reporter import Reporter
from engine.images.tar.streams import Section
from engine.spec.image import Descriptor
from engine.spec.registry import PushedImage

AT_ONCE = 3
_LOOK_UP_EVERY_S = 0.1


def push_image(
    client: RegistryClient, layout: Layout, held: HeldImage, reference: Reference, reporter: Reporter
) -> PushedImage:
    """Push it under the reference. Raises DamagedStore, Cancelled, and what the client raises."""
    blobs = [*held.stored.manifest.layers, held.stored.manifest.config]
    names = [f"layer {number} of {len(blobs) - 1} ({one.digest[7:19]})" for number, one in enumerate(blobs[:-1], 1)]
    steps = [reporter.plan(name, one.size) for name, one in zip([*names, "configuration"], blobs, strict=True)]
    last = reporter.plan("manifest", unit="")
    sending = Sending(client, layout, reference, reporter, _siblings(held, reference))
    sending.send(dict(zip(steps, blobs, strict=True)))
    with reporter.step(last):
        data = layout.blob(held.manifest.digest).read_bytes()
        aside(lambda: client.put_manifest(reference, held.manifest.media_type, data), on_wait=reporter.check)
    return PushedImage(str(reference), held.manifest.digest, sum(blob.size for blob in blobs) + len(data))


def _siblings(held: HeldImage, reference: Reference) -> list[str]:
    """Other repositories of the same registry that the image has names in: they have its blobs, most likely."""
    named = [Reference.parse(text) for text in held.image.references]
    return sorted({one.path for one in named if one.domain == reference.domain and one.path != reference.path})


@dataclass
class Sending:
    """Sends blobs, a few at once; `siblings` are repositories they may be mounted from."""

    client: RegistryClient
    layout: Layout
    reference: Reference
    reporter: Reporter
    siblings: Sequence[str]
    _is_over: threading.Event = field(default_factory=threading.Event)

    def send(self, blobs: dict[int, Descriptor]) -> None:
        """All of them, by their steps. One that fails, or a cancel, ends the others."""
        pool = ThreadPoolExecutor(AT_ONCE, "upload")
        known: dict[str, Future[None]] = {}
        try:
            for step, blob in blobs.items():
                if blob.digest in known:
                    with self.reporter.step(step):
                        self.reporter.mark(step, "exists")
                else:
                    known[blob.digest] = pool.submit(self._send, blob, step)
            left = set(known.values())
            while left:
                done, left = wait(left, _LOOK_UP_EVERY_S, FIRST_EXCEPTION)
                self.reporter.check()
                for one in done:
                    one.result()
        finally:
            self._is_over.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, blob: Descriptor, step: int) -> None:
        with self.reporter.step(step):
            if self.client.has_blob(self.reference, blob.digest):
                self.reporter.mark(step, "exists")
                return
            self.reporter.mark(step, "uploading")
            path = self.layout.blob(blob.digest)

            def open_part(start: int, size: int) -> BinaryIO:
                return cast(BinaryIO, SentPart(path, start, size, lambda to: self._reach(step, start + to)))

            upload = BlobUpload(self.client, self.reference, blob.digest, blob.size, open_part)
            self.reporter.mark(step, "" if upload.run(self.siblings) else "exists")

    def _reach(self, step: int, count: int) -> None:
        if self._is_over.is_set():
            raise Cancelled("the push is over")
        self.reporter.reach(step, count)


class SentPart(Section):
    """Some bytes of a file, which tells how far it was read."""

    def __init__(self, path: Path, start: int, size: int, on_sent: Callable[[int], None]) -> None:
        self._opened = path.open("rb", buffering=0)
        self._on_sent = on_sent
        super().__init__(self._opened, start, size)

    def readinto(self, buffer: object) -> int:
        count = super().readinto(buffer)
        self._on_sent(self.tell())
        return count

    def close(self) -> None:
        """Close the file."""
        self._opened.close()
        super().close()
