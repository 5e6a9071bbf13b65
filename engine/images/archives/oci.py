"""Reads OCI archives: an image layout in a tar (image-layout.md), as skopeo, podman, BuildKit and Docker write it."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import InvalidArchive
from engine.images.archives import docker as docker_archive
from engine.images.archives.archive import Archive
from engine.images.archives.archived import ArchivedImage, check_runs_here, pair_layers, read_config, wrong_platform
from engine.images.archives.docker import parse_reference, saved_images
from engine.images.documents import check_digest, check_match, check_size, digest_of, document
from engine.images.indexes import IndexWalk, described
from engine.images.platforms import rank
from engine.images.reference import Reference
from engine.spec.image import (
    CONFIG_TYPES,
    CONTAINERD_NAME,
    LAYER_TYPES,
    MANIFEST_TYPES,
    REF_NAME,
    Descriptor,
    Index,
    Manifest,
    Platform,
)

INDEX = "index.json"


def read_oci_archive(archive: Archive) -> list[ArchivedImage]:
    """The images for this host; layers are not read yet. Raises InvalidArchive."""
    return _Reader(archive).images()


@dataclass
class _Reader:
    archive: Archive

    def __post_init__(self) -> None:
        """Indexes may name platforms that the archive leaves out."""
        self._indexes = IndexWalk(self._blob, lambda one: _member(one.digest) in self.archive)

    def images(self) -> list[ArchivedImage]:
        index = document(Index, self.archive.read(INDEX), INDEX)
        saved_names = self._saved_names()
        chosen: dict[str, tuple[Descriptor, list[Reference]]] = {}
        passed_over: list[Platform] = []
        for names, descriptors in _by_name(index):
            manifest = self._best(descriptors, passed_over)
            if manifest is not None:
                chosen.setdefault(manifest.digest, (manifest, []))[1].extend(names)
            elif names:
                raise wrong_platform(str(names[0]), _listed(passed_over))
        if not chosen:
            raise (
                wrong_platform("the archive", _listed(passed_over))
                if passed_over
                else InvalidArchive(f"{INDEX}: lists no images", hint="The archive is empty.")
            )
        return [self._image(manifest, names, saved_names) for manifest, names in chosen.values()]

    def _saved_names(self) -> dict[str, tuple[Reference, ...]]:
        """Docker's `manifest.json` beside the index knows every name; the index may hold bare tags only."""
        if docker_archive.MANIFEST not in self.archive:
            return {}
        return {saved.id: saved.references for saved in saved_images(self.archive)}

    def _best(self, descriptors: list[Descriptor], passed_over: list[Platform]) -> Descriptor | None:
        """The manifest that suits this host best; platforms that do not are added to `passed_over`."""
        ranked: list[tuple[int, Descriptor]] = []
        for manifest in self._indexes.manifests(descriptors):
            if manifest.media_type not in MANIFEST_TYPES:
                raise _unsupported(described(manifest), manifest.media_type)
            platform = manifest.platform or self._platform(manifest)
            order = rank(platform)
            if order is None:
                passed_over.append(platform)
            else:
                ranked.append((order, manifest))
        return min(ranked, key=lambda item: item[0])[1] if ranked else None

    def _platform(self, manifest: Descriptor) -> Platform:
        return read_config(self._config(self._manifest(manifest)), described(manifest)).platform

    def _image(
        self, descriptor: Descriptor, names: list[Reference], saved_names: dict[str, tuple[Reference, ...]]
    ) -> ArchivedImage:
        what = described(descriptor)
        manifest = self._manifest(descriptor)
        data = self._config(manifest)
        config = read_config(data, what)
        check_runs_here(config, what)
        layers = pair_layers(what, tuple((_member(layer.digest), layer.digest) for layer in manifest.layers), config)
        references = tuple(dict.fromkeys((*names, *saved_names.get(digest_of(data), ()))))
        return ArchivedImage(references, data, layers, self._blob(descriptor), descriptor.media_type)

    def _manifest(self, descriptor: Descriptor) -> Manifest:
        what = described(descriptor)
        manifest = document(Manifest, self._blob(descriptor), what)
        if manifest.config.media_type not in CONFIG_TYPES:
            raise _unsupported(f"{what}: configuration", manifest.config.media_type)
        check_digest(f"{what}: configuration", manifest.config.digest)
        for number, layer in enumerate(manifest.layers, 1):
            if layer.media_type not in LAYER_TYPES:
                raise _unsupported(f"{what}: layer {number}", layer.media_type)
            check_digest(f"{what}: layer {number}", layer.digest)
        return manifest

    def _config(self, manifest: Manifest) -> bytes:
        return self._blob(manifest.config)

    def _blob(self, descriptor: Descriptor) -> bytes:
        what = described(descriptor)
        check_size(what, descriptor.size)
        data = self.archive.read(_member(descriptor.digest))
        check_match(what, descriptor.digest, digest_of(data))
        return data


def _by_name(index: Index) -> Iterator[tuple[list[Reference], list[Descriptor]]]:
    """Descriptors of one name belong together, as one image for several platforms; nameless ones stand alone."""
    named: dict[Reference, list[Descriptor]] = {}
    for descriptor in index.manifests:
        reference = _reference(descriptor)
        if reference is None:
            yield [], [descriptor]
        else:
            named.setdefault(reference, []).append(descriptor)
    for reference, descriptors in named.items():
        yield [reference], descriptors


def _reference(descriptor: Descriptor) -> Reference | None:
    """The name of a descriptor. A bare word is a tag of a repository that the archive does not tell, so no name."""
    annotations = descriptor.annotations or {}
    name = annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME, "")
    return parse_reference(name) if "/" in name or ":" in name else None


def _member(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _listed(platforms: list[Platform]) -> str:
    return ", ".join(sorted({str(platform) for platform in platforms}))


def _unsupported(what: str, media_type: str) -> InvalidArchive:
    return InvalidArchive(
        f"{what}: unsupported media type {media_type[:120]!a}", hint="Only container images can be loaded."
    )
