"""Images of one host: references, layers, archives, uploads.

Names are looked up when they are first used: who only speaks of images needs neither HTTP nor compression.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.images.committer import Addition
    from engine.images.image import HistoryEntry, Image, ImageLayer, RemovedImage
    from engine.images.reference import Reference
    from engine.images.remote import check_registry, resolve
    from engine.images.reporter import Reporter
    from engine.images.store import ImageStore
    from engine.images.tar.stream_out import TarStream
    from engine.images.upload import Upload

_HOMES = {
    "committer": ["Addition"],
    "image": ["HistoryEntry", "Image", "ImageLayer", "RemovedImage"],
    "reference": ["Reference"],
    "remote": ["check_registry", "resolve"],
    "reporter": ["Reporter"],
    "store": ["ImageStore"],
    "tar.stream_out": ["TarStream"],
    "upload": ["Upload"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
