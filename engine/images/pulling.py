"""Brings an image from a registry into a staging area: manifest, configuration and layers, every digest verified."""

import io
from contextlib import suppress
from dataclasses import replace
from typing import Any

from urllib3.exceptions import HTTPError

from engine.errors import NotFound, RegistryError, Unsupported
from engine.images.archives.archived import ArchivedLayer, pair_layers, read_config
from engine.images.archives.loader import StagedImage
from engine.images.documents import check_digest, check_match, check_size, digest_of, document
from engine.images.layers.chain import chain_ids
from engine.images.layers.loader import LayerLoader
from engine.images.platforms import host_platform, rank
from engine.images.reference import Reference
from engine.images.registry import FetchedManifest, RegistryClient
from engine.images.registry.answers import body
from engine.images.registry.transport import Response
from engine.images.tar.streams import reading
from engine.spec.image import CONFIG_TYPES, INDEX_TYPES, MANIFEST_TYPES, Descriptor, Index, Manifest, Platform

MOST_RESUMES = 5
_AGAIN = "Try again when the network is well."
_ATTESTATION = "vnd.docker.reference.type"


def pull_image(
    client: RegistryClient, reference: Reference, platform: Platform | None, layers: LayerLoader
) -> StagedImage:
    """Stage the image for `platform`, by default the one that suits this host best.

    Raises NotFound, Unsupported, InvalidArchive, StorageFull, Cancelled, and what the client raises.
    """
    reporter = layers.reporter
    step = reporter.plan("ask registry", unit="")
    with reporter.step(step):
        found = choose(client, reference, platform)
        manifest = document(Manifest, found.data, str(reference))
        config = _config(client, reference, manifest)
    what = str(reference)
    pairs = pair_layers(what, tuple((one.digest, one.digest) for one in manifest.layers), read_config(config, what))
    steps = [
        reporter.plan(f"layer {number} of {len(pairs)} ({pair.digest[7:19]})", layer.size)
        for number, (pair, layer) in enumerate(zip(pairs, manifest.layers, strict=True), 1)
    ]
    below: list[str] = []
    for pair, number in zip(pairs, steps, strict=True):
        _layer(client, reference, layers, pair, below, number)
        below.append(pair.diff_id)
    layers.staging.add_blob(digest_of(config), config)
    layers.staging.add_blob(found.digest, found.data)
    kept = replace(reference, tag="") if reference.digest else reference
    return StagedImage(Descriptor(found.media_type, found.digest, len(found.data)), digest_of(config), (str(kept),))


def choose(client: RegistryClient, reference: Reference, platform: Platform | None) -> FetchedManifest:
    """The manifest of an image, behind an index that of the platform."""
    found = client.manifest(reference)
    if found.media_type in INDEX_TYPES:
        index = document(Index, found.data, str(reference))
        digest = _best(index, reference, platform).digest
        check_digest(str(reference), digest)
        found = client.manifest(replace(reference, tag="", digest=digest))
    if found.media_type not in MANIFEST_TYPES:
        raise Unsupported(
            f"{reference} is of the type {found.media_type[:100]!r}, which is no image",
            hint="Images of Docker before 1.10, charts and other artifacts cannot be pulled.",
        )
    return found


def _best(index: Index, reference: Reference, platform: Platform | None) -> Descriptor:
    """The entry of an index that is for the platform, or suits this host best."""
    images = [one for one in index.manifests if one.platform and _ATTESTATION not in (one.annotations or {})]
    ranked = [(order, one) for one in images if (order := _order(one.platform or Platform(), platform)) is not None]
    if not ranked:
        listed = ", ".join(sorted({str(one.platform) for one in images}))
        wanted = platform or host_platform()
        raise NotFound(f"{reference} is not there for {wanted}", hint=f"There is {listed[:500] or 'nothing'}.")
    return min(ranked, key=lambda pair: pair[0])[1]


def _order(offered: Platform, wanted: Platform | None) -> int | None:
    if wanted is None:
        return rank(offered)
    is_meant = (offered.os, offered.architecture) == (wanted.os, wanted.architecture)
    if not is_meant or (wanted.variant and offered.variant not in ("", wanted.variant)):
        return None
    return 0 if offered.variant == wanted.variant else 1


def _config(client: RegistryClient, reference: Reference, manifest: Manifest) -> bytes:
    descriptor = manifest.config
    if descriptor.media_type not in CONFIG_TYPES:
        raise Unsupported(
            f"{reference} is an artifact of the type {descriptor.media_type[:100]!r}, not an image",
            hint="Only images can be pulled.",
        )
    what = f"the configuration of {reference}"
    check_digest(what, descriptor.digest)
    check_size(what, descriptor.size)
    data = body(client.blob(reference, descriptor.digest), descriptor.size, what)
    check_match(what, descriptor.digest, digest_of(data))
    return data


def _layer(
    client: RegistryClient, reference: Reference, layers: LayerLoader, layer: ArchivedLayer, below: list[str], step: int
) -> None:
    """Stage one layer, or nothing where both its blob and its tree are there."""
    what = f"layer {layer.digest[:19]}…"
    check_digest(what, layer.digest)
    with layers.reporter.step(step), reading(what):
        chain = chain_ids([*below, layer.diff_id])[-1]
        if layers.staging.has_layer(chain) and layers.staging.has_blob(layer.digest):
            layers.reporter.mark(step, "exists")
            return
        blob = RemoteBlob(client, reference, layer.digest)
        try:
            layers.load(blob, layer, below=below, step=step)
        finally:
            blob.close()


class RemoteBlob(io.RawIOBase):
    """A blob as a stream, which goes on where it was cut."""

    def __init__(self, client: RegistryClient, reference: Reference, digest: str) -> None:
        super().__init__()
        self._client, self._reference, self._digest = client, reference, digest
        self._response: Response | None = None
        self._count = self._resumes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any, /) -> int:
        """Fill the view as far as the registry gives at once. Raises RegistryError when it is cut again and again."""
        while True:
            try:
                self._response = self._response or self._open()
                count = self._response.readinto(view)
            except HTTPError as error:
                self._let_go()
                self._resumes += 1
                if self._resumes > MOST_RESUMES:
                    raise RegistryError(f"{self._digest[:19]}… was cut short again and again", hint=_AGAIN) from error
            else:
                self._count += count
                return count

    def close(self) -> None:
        """Let go of the connection."""
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._response is not None:
            with suppress(HTTPError):
                self._response.close()
            self._response = None

    def _open(self) -> Response:
        response = self._client.blob(self._reference, self._digest, start=self._count)
        if self._count and response.status != 206:  # it knows no ranges: what is known already is passed over
            left = self._count
            while left and (data := response.read(min(left, 1 << 20))):
                left -= len(data)
        return response
