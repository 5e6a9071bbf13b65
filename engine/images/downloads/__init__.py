"""Fetches blobs in the background, several at once, into files that outlive a pull which fails or is killed."""

from engine.images.downloads.downloads import Downloads

__all__ = ["Downloads"]
