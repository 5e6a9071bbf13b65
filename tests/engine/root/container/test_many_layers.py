"""Images of more layers than mount(2) has room for in its options."""

import io

import pytest

from engine.rootfs import takes_many_layers
from tests.images import docker_archive
from tests.images.build import build
from tests.images.busybox import busybox_layer
from tests.images.layers import file, layer
from tests.services.host import Host

LAYERS = 200


def test_a_container_of_two_hundred_layers_sees_the_topmost_of_each(host: Host) -> None:
    if not takes_many_layers():
        pytest.skip("overlay with one option for each layer (Linux 6.5)")
    others = [layer(file("top", b"%d\n" % n), file(f"layer-{n}", b"%d\n" % n)) for n in range(1, LAYERS)]
    built = build("deep:test", [busybox_layer(), *others], config={"Env": ["PATH=/bin"]})
    host.engine.load_image(io.BytesIO(docker_archive(built)))
    script = "cat /top /layer-1 /layer-100; ls / | grep -c layer-; rm /layer-7; ls / | grep -c layer-"
    state, output = host.finish("sh", "-c", script, image="deep:test")
    assert (state.exit_code, output.split()) == (0, ["199", "1", "100", "199", "198"])
