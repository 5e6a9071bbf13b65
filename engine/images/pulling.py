"""Brings an image from a registry into a staging area: manifest, configuration and layers, every digest verified."""

import io
import sys
from dataclasses import replace

from engine.errors import InvalidArchive, NotFound, Unsupported
from engine.images.archives.archived import ArchivedLayer, pair_layers, read_config
from engine.images.archives.loader import StagedImage
from engine.images.documents import check_digest, check_match, check_size, digest_of, document
from engine.images.downloads import Downloads
from engine.images.downloads.aside import aside
from engine.images.downloads.download import BegunAgain, Download, Following
from engine.images.indexes import IndexWalk
from engine.images.layers.chain import chain_ids
from engine.images.layers.loader import LayerLoader
from engine.images.platforms import host_platform, rank
from engine.images.reference import Reference
from engine.images.registry import FetchedManifest, RegistryClient
from engine.images.registry.answers import body
from engine.images.registry.transport import Response
from engine.images.tar.streams import reading
from engine.spec.image import CONFIG_TYPES, INDEX_TYPES, MANIFEST_TYPES, Descriptor, Index, Manifest, Platform

_AGAIN = "Have it pushed to the registry again."


def pull_image(
    client: RegistryClient,
    reference: Reference,
    platform: Platform | None,
    layers: LayerLoader,
    downloads: Downloads,
) -> StagedImage:
    """Stage the image for `platform`, by default the one that suits this host best.

    Layers are unpacked one after the other while they and those above them are fetched. Raises NotFound, Unsupported,
    InvalidArchive, StorageFull, Cancelled, and what the client raises.
    """
    reporter = layers.reporter
    step = reporter.plan("ask registry", unit="")
    with reporter.step(step):
        found, asked, manifest, config = aside(lambda: _documents(client, reference, platform), on_wait=reporter.check)
        downloads.take_turn(found.digest, reporter.check)
    what = str(reference)
    pairs = pair_layers(what, tuple((one.digest, one.digest) for one in manifest.layers), read_config(config, what))
    for pair in pairs:
        check_digest(f"layer {pair.digest[:19]}…", pair.digest)
    steps = [
        reporter.plan(f"layer {number} of {len(pairs)} ({pair.digest[7:19]})", layer.size)
        for number, (pair, layer) in enumerate(zip(pairs, manifest.layers, strict=True), 1)
    ]
    fetched = [_fetched(layers, downloads, layer, number) for layer, number in zip(manifest.layers, steps, strict=True)]
    chain = chain_ids(pair.diff_id for pair in pairs)
    for number, (pair, download, layer_step) in enumerate(zip(pairs, fetched, steps, strict=True), 1):
        with reporter.step(layer_step):
            _layer(layers, pair, chain[:number], download, layer_step)
    layers.staging.add_blob(digest_of(config), config)
    layers.staging.add_blob(found.digest, found.data)
    kept = replace(reference, tag="") if reference.digest else reference
    descriptor = Descriptor(found.media_type, found.digest, len(found.data))
    known = tuple(f"{reference.repository}@{digest}" for digest in dict.fromkeys((asked, found.digest)))
    return StagedImage(descriptor, digest_of(config), (str(kept),), known)


def _documents(
    client: RegistryClient, reference: Reference, platform: Platform | None
) -> tuple[FetchedManifest, str, Manifest, bytes]:
    """The manifest, the digest of what the reference stands for, what the manifest says, and the configuration."""
    found, asked = choose(client, reference, platform)
    manifest = document(Manifest, found.data, str(reference))
    return found, asked, manifest, _config(client, reference, manifest)


def choose(client: RegistryClient, reference: Reference, platform: Platform | None) -> tuple[FetchedManifest, str]:
    """The manifest of an image, behind an index that of the platform; and the digest of what was asked for."""
    found = client.manifest(reference)
    asked = found.digest
    if found.media_type in INDEX_TYPES:

        def manifest(one: Descriptor) -> FetchedManifest:
            return client.manifest(replace(reference, tag="", digest=one.digest))

        listed = document(Index, found.data, str(reference)).manifests
        manifests = IndexWalk(lambda index: manifest(index).data).manifests(listed)
        found = manifest(_best(list(manifests), reference, platform))
    if found.media_type not in MANIFEST_TYPES:
        raise Unsupported(
            f"{reference} is of the type {found.media_type[:100]!r}, which is no image",
            hint="Images of Docker before 1.10, charts and other artifacts cannot be pulled.",
        )
    return found, asked


def _best(manifests: list[Descriptor], reference: Reference, platform: Platform | None) -> Descriptor:
    """That of an index's manifests which is for the platform, or suits this host best."""
    images = [one for one in manifests if one.platform]
    if platform is None and manifests and not images:
        return manifests[0]  # an index need not say what its manifests are for
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

    def take(response: Response) -> bytes:
        data = body(response, descriptor.size, what)
        check_match(what, descriptor.digest, digest_of(data))
        _check_length(what, descriptor, len(data))
        return data

    return client.small_blob(reference, descriptor.digest, take)


def _fetched(layers: LayerLoader, downloads: Downloads, layer: Descriptor, step: int) -> Download | None:
    """The layer's blob on its way, or None where it is here already."""
    if not layers.staging.has_blob(layer.digest):
        return downloads.start(layer, step)
    _check_length(f"layer {layer.digest[:19]}…", layer, layers.staging.blob(layer.digest).stat().st_size)
    return None


def _check_length(what: str, told: Descriptor, size: int) -> None:
    """A wrong size would be stored with the manifest, and every push of it wait for bytes that nobody has."""
    if size != told.size:
        raise InvalidArchive(f"{what}: the manifest tells of {told.size} bytes, but it has {size}", hint=_AGAIN)


def _layer(layers: LayerLoader, layer: ArchivedLayer, chain: list[str], download: Download | None, step: int) -> None:
    """Stage one layer, or nothing where both its blob and its tree are there."""
    reporter, staging = layers.reporter, layers.staging
    has_tree = staging.has_layer(chain[-1])
    if download is not None and has_tree:
        with reading(f"layer {layer.digest[:19]}…"):
            download.wait(download.blob.size, reporter.check)
    elif not has_tree:
        with reading(f"layer {layer.digest[:19]}…"):
            if download is None:
                with io.FileIO(staging.blob(layer.digest)) as file:
                    layers.unpack(file, layer, chain=chain, step=step, stop=lambda: None)
            else:
                while not _unpack_coming(layers, layer, chain, download, step):
                    staging.drop_layer()
        reporter.mark(step, "")
    else:
        reporter.mark(step, "exists")


def _unpack_coming(layers: LayerLoader, layer: ArchivedLayer, chain: list[str], download: Download, step: int) -> bool:
    """Unpack a layer while it comes; false where what has come was a mirror's and wrong, so that it comes again.

    What is wrong with a layer is told at once, unless its bytes are perhaps not those the registry itself has.
    """
    check = layers.reporter.check
    with Following(download, check) as coming:
        turn = download.turn
        try:
            layers.unpack(coming, layer, chain=chain, step=step, stop=coming.stop)
        except BegunAgain:
            return False
        except InvalidArchive:
            if download.is_doubtful:
                download.wait(sys.maxsize, check)
            if download.turn == turn:
                raise
            return False
    return True
