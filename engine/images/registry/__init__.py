"""Speaks with registries: the client's half of the OCI distribution protocol."""

from engine.images.registry.client import FetchedManifest, RegistryClient

__all__ = ["FetchedManifest", "RegistryClient"]
