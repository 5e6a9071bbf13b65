"""Builders of real images for tests: busybox from Debian's package, layers with whiteouts, a debootstrap root.

archive = docker_archive(busybox("busybox:test"))          # bytes, as `docker save` writes them
archive = oci_archive(busybox("busybox:test"), compression="zstd")
"""

from tests.images.archives import (
    Compression,
    compress,
    docker_archive,
    modern_docker_archive,
    multi_platform_archive,
    oci_archive,
)
from tests.images.build import Built, build
from tests.images.busybox import busybox, busybox_layer, printer
from tests.images.debian import debian, debian_tarball
from tests.images.layers import device, directory, fifo, file, hard_link, layer, opaque, symlink, whiteout
from tests.images.whiteouts import layered

__all__ = [
    "Built",
    "Compression",
    "build",
    "busybox",
    "busybox_layer",
    "compress",
    "debian",
    "debian_tarball",
    "device",
    "directory",
    "docker_archive",
    "fifo",
    "file",
    "hard_link",
    "layer",
    "layered",
    "modern_docker_archive",
    "multi_platform_archive",
    "oci_archive",
    "opaque",
    "printer",
    "symlink",
    "whiteout",
]
