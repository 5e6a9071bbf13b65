"""Images of one host: references, layers, archives, uploads."""

from engine.images.image import HistoryEntry, Image, ImageLayer, RemovedImage
from engine.images.reference import Reference
from engine.images.store import ImageStore
from engine.images.upload import Upload

__all__ = ["HistoryEntry", "Image", "ImageLayer", "ImageStore", "Reference", "RemovedImage", "Upload"]
