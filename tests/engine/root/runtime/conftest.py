"""The engine as an OCI runtime, called by its command line."""

from tests.services.bundles import oci

__all__ = ["oci"]
