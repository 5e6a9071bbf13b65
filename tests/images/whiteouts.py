"""An image whose upper layers take away, replace and hide what lower ones hold."""

from tests.images.build import Built, build
from tests.images.busybox import busybox_layer
from tests.images.layers import directory, file, layer, opaque, symlink, whiteout


def layered(reference: str = "layered:test") -> Built:
    """Three layers: /data ends with `kept` (`new`) and `dir/inner`, /hidden with `after` and `link`, no more."""
    below = layer(
        directory("data"),
        directory("data/tree"),
        file("data/tree/leaf", b"leaf"),
        file("data/kept", b"old"),
        file("data/gone", b"gone"),
        file("data/dir", b"a file at first"),
        directory("hidden", mode=0o750, owner=7),
        file("hidden/before", b"before"),
    )
    above = layer(
        file("data/kept", b"new"),
        whiteout("data/gone"),
        whiteout("data/tree"),
        directory("data/dir"),
        file("data/dir/inner", b"inner"),
        directory("hidden", mode=0o750, owner=7),
        opaque("hidden"),
        file("hidden/after", b"after"),
        symlink("hidden/link", "/data/kept"),
        whiteout("hidden/link2"),
    )
    return build(reference, [busybox_layer(), below, above], config={"Cmd": ["sh"], "Env": ["PATH=/bin"]})
