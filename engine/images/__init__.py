"""Images of one host: references, layers, archives, uploads."""

from engine.images.committer import Addition
from engine.images.image import HistoryEntry, Image, ImageLayer, RemovedImage
from engine.images.reference import Reference
from engine.images.remote import check_registry, resolve
from engine.images.reporter import Reporter
from engine.images.store import ImageStore
from engine.images.tar.stream_out import TarStream
from engine.images.upload import Upload

__all__ = [
    "Addition",
    "HistoryEntry",
    "Image",
    "ImageLayer",
    "ImageStore",
    "Reference",
    "RemovedImage",
    "Reporter",
    "TarStream",
    "Upload",
    "check_registry",
    "resolve",
]
