"""Speaks with registries: the client's half of the OCI distribution protocol."""

from engine.images.registry.client import FetchedManifest, RegistryClient
from engine.images.registry.remote_blob import RemoteBlob

__all__ = ["FetchedManifest", "RegistryClient", "RemoteBlob"]
