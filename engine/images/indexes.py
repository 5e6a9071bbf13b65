"""Follows image indexes to the manifests they list, through indexes within indexes too (image-index.md)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from engine.errors import InvalidArchive
from engine.images.documents import check_digest, document
from engine.images.limits import MAXIMUM_DOCUMENTS_BYTES, MAXIMUM_IMAGES
from engine.spec.image import INDEX_TYPES, Descriptor, Index, Platform

_MAXIMUM_NESTING = 4
_ATTESTATION = "vnd.docker.reference.type"


@dataclass
class IndexWalk:
    """`read` gives an index's bytes, verified; `is_there` says what of an index's list is not left out.

    All that one walk comes by is counted together, so that no nest of indexes keeps anybody busy for long.
    """

    read: Callable[[Descriptor], bytes]
    is_there: Callable[[Descriptor], bool] = lambda _: True
    _seen: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    def manifests(self, descriptors: Iterable[Descriptor], depth: int = 0) -> Iterator[Descriptor]:
        """Everything below the descriptors that is no index, but for attestations and what is not there.

        A manifest whose platform is not told has that of its index. Raises InvalidArchive, and what `read` raises.
        """
        for descriptor in descriptors:
            what = described(descriptor)
            check_digest(what, descriptor.digest)
            self._count(what, depth)
            if _ATTESTATION in (descriptor.annotations or {}) or (descriptor.platform or Platform()).os == "unknown":
                continue
            if depth and not self.is_there(descriptor):
                continue
            if descriptor.media_type not in INDEX_TYPES:
                yield descriptor
                continue
            data = self.read(descriptor)
            self._count(what, depth, len(data))
            for manifest in self.manifests(document(Index, data, what).manifests, depth + 1):
                yield replace(manifest, platform=manifest.platform or descriptor.platform)

    def _count(self, what: str, depth: int, size: int = 0) -> None:
        self._seen += not size
        self._bytes += size
        if self._seen > MAXIMUM_IMAGES or self._bytes > MAXIMUM_DOCUMENTS_BYTES or depth > _MAXIMUM_NESTING:
            raise InvalidArchive(f"{what}: indexes are nested too deeply or too often")


def described(descriptor: Descriptor) -> str:
    """The descriptor in a few words, for messages."""
    return f"{descriptor.media_type[-60:]!a} {descriptor.digest[:19]!a}"
