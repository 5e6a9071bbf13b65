"""Brings an image to a registry: blobs that are not there yet, then the manifest, all of it byte for byte as stored."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.images.holding import HeldImage
from engine.images.layout import Layout
from engine.images.reference import Reference
from engine.images.registry import RegistryClient
from engine.images.reporter import Reporter
from engine.spec.registry import PushedImage


def push_image(
    client: RegistryClient,
    layout: Layout,
    held: HeldImage,
    reference: Reference,
    reporter: Reporter,
) -> PushedImage:
    """Push it under the reference. Raises DamagedStore, Cancelled, and what the client raises."""
    blobs = [*held.stored.manifest.layers, held.stored.manifest.config]
    names = [f"layer {number} of {len(blobs) - 1} ({one.digest[7:19]})" for number, one in enumerate(blobs[:-1], 1)]
    steps = [reporter.plan(name, one.size) for name, one in zip([*names, "configuration"], blobs, strict=True)]
    last = reporter.plan("manifest", unit="")
    for blob, step in zip(blobs, steps, strict=True):
        with reporter.step(step):
            if client.has_blob(reference, blob.digest):
                reporter.mark(step, "exists")
            else:
                opened = partial(SentFile, layout.blob(blob.digest), partial(reporter.advance, step))
                client.upload(reference, blob.digest, opened, blob.size)
    with reporter.step(last):
        data = layout.blob(held.manifest.digest).read_bytes()
        client.put_manifest(reference, held.manifest.media_type, data)
    return PushedImage(str(reference), held.manifest.digest, sum(blob.size for blob in blobs) + len(data))


class SentFile(io.FileIO):
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, on_sent: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_sent = on_sent

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        data = super().read(-1 if size is None else size) or b""
        self._on_sent(len(data))
        return data
