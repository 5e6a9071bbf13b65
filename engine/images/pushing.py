"""Brings an image to a registry: blobs that are not there yet, then the manifest, all of it byte for byte as stored.

But layers that are stored plain, as archives of `docker save` have them, go compressed, unless a registry has given out
or taken the image with plain ones already: then it stays the same manifest.
"""

import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from engine.errors import Cancelled
from engine.images.documents import digest_of
from engine.images.downloads.aside import aside
from engine.images.holding import HeldImage
from engine.images.layers.packed import PlainLayer
from engine.images.layout import Layout
from engine.images.limits import DiskSpace, noticing_full_disk
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
    """Push it under the reference. Raises DamagedStore, StorageFull, Cancelled, and what the client raises."""
    blobs = [*held.stored.manifest.layers, held.stored.manifest.config]
    packable = _packable(held)
    names = [f"layer {number} of {len(blobs) - 1} ({one.digest[7:19]})" for number, one in enumerate(blobs[:-1], 1)]
    steps = [reporter.plan(name, one.size) for name, one in zip([*names, "configuration"], blobs, strict=True)]
    last = reporter.plan("manifest", unit="")
    sending = Sending(client, layout, reference, reporter, _siblings(held, reference), packable)
    sending.send(dict(zip(steps, blobs, strict=True)))
    with reporter.step(last):
        data = _manifest(layout.blob(held.manifest.digest).read_bytes(), sending.packed)
        aside(lambda: client.put_manifest(reference, held.manifest.media_type, data), on_wait=reporter.check)
    size = sum(sending.packed.get(blob.digest, blob).size for blob in blobs)
    return PushedImage(str(reference), digest_of(data), size + len(data))


def _packable(held: HeldImage) -> dict[str, PlainLayer]:
    """The layers that go compressed, by their digests."""
    if any(digest.endswith(f"@{held.manifest.digest}") for digest in held.image.digests):
        return {}
    pairs = zip(held.stored.manifest.layers, held.stored.layers, strict=True)
    layers = [PlainLayer(blob, layer.chain_id) for blob, layer in pairs if blob.digest == layer.diff_id]
    return {layer.blob.digest: layer for layer in layers if layer.is_packable}


def _manifest(data: bytes, packed: Mapping[str, Descriptor]) -> bytes:
    """The manifest with the compressed forms of layers; byte for byte the same where there are none."""
    if not packed:
        return data
    manifest = json.loads(data)
    for layer in manifest["layers"]:
        if form := packed.get(layer["digest"]):
            layer |= {"mediaType": form.media_type, "digest": form.digest, "size": form.size}
    return json.dumps(manifest).encode()


def _siblings(held: HeldImage, reference: Reference) -> list[str]:
    """Other repositories of the same registry that the image has names in: they have its blobs, most likely."""
    named = [Reference.parse(text) for text in held.image.references]
    return sorted({one.path for one in named if one.domain == reference.domain and one.path != reference.path})


@dataclass
class Sending:
    """Sends blobs, a few at once; `siblings` are repositories they may be mounted from.

    Those that are `packable` go compressed: `packed` tells, by the digest of the plain form, as what.
    """

    client: RegistryClient
    layout: Layout
    reference: Reference
    reporter: Reporter
    siblings: Sequence[str]
    packable: Mapping[str, PlainLayer]
    packed: dict[str, Descriptor] = field(default_factory=dict)
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
            if (layer := self.packable.get(blob.digest)) is not None:
                self._send_packed(layer, step)
            elif self.client.has_blob(self.reference, blob.digest):
                self.reporter.mark(step, "exists")
            else:
                self._upload(blob, self.layout.blob(blob.digest), step, lambda count: self._reach(step, count))

    def _send_packed(self, layer: PlainLayer, step: int) -> None:
        """Where the registry has what came of it the last time, it need not be compressed again.

        To compress it is the first half of the step, to send it the second.
        """
        noted = layer.noted(self.layout)
        if noted and self.client.has_blob(self.reference, noted.digest):
            self.reporter.mark(step, "exists")
            self.packed[layer.blob.digest] = noted
            return
        self.reporter.mark(step, "compressing")
        folder = self.layout.staging
        with noticing_full_disk(folder), tempfile.TemporaryFile(dir=folder) as file:
            packed = layer.pack(self.layout, file, DiskSpace(folder), lambda count: self._reach(step, count // 2))
            self.packed[layer.blob.digest] = packed
            if packed != noted and self.client.has_blob(self.reference, packed.digest):
                self.reporter.mark(step, "exists")
                return
            plain = layer.blob.size
            path = Path(f"/proc/self/fd/{file.fileno()}")
            self._upload(
                packed, path, step, lambda sent: self._reach(step, plain * (packed.size + sent) // packed.size // 2)
            )

    def _upload(self, blob: Descriptor, path: Path, step: int, on_sent: Callable[[int], None]) -> None:
        self.reporter.mark(step, "uploading")

        def open_part(start: int, size: int) -> BinaryIO:
            return cast(BinaryIO, SentPart(path, start, size, lambda to: on_sent(start + to)))

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
