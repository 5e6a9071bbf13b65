"""diff: what a container changed in the files of its image, as Docker tells it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import NotFound
from tests.images import docker_archive
from tests.images.build import build
from tests.images.busybox import busybox_layer
from tests.images.layers import directory, file, layer, symlink, whiteout
from tests.services.host import Host, running_host
from tests.services.processes import wait_until


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with an image of two layers, the upper of which takes something of the lower away."""
    lower = [directory("opt"), directory("opt/deep"), file("opt/deep/one", b"1"), file("opt/deep/two", b"2")]
    upper = [directory("srv"), file("srv/page", b"x"), symlink("srv/link", "page"), whiteout("etc/group")]
    layers = [layer(*lower), busybox_layer(), layer(*upper)]
    with running_host() as running:
        running.engine.load_image(
            io.BytesIO(docker_archive(build("busybox:test", layers, config={"Env": ["PATH=/bin"]})))
        )
        yield running


def changes(host: Host, container: str) -> dict[str, str]:
    return {change.path: change.kind.value for change in host.engine.diff(container)}


def changes_of(host: Host, script: str) -> dict[str, str]:
    state, output = host.finish("sh", "-c", script)
    assert (state.exit_code, output) == (0, "")
    return changes(host, state.id)


@pytest.mark.v2
def test_a_container_that_wrote_nothing_changed_nothing(host: Host) -> None:
    assert changes_of(host, "true") == {}
    assert changes(host, host.create("true")) == {}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo > /new", {"/new": "added"}),
        ("echo > /srv/new", {"/srv": "changed", "/srv/new": "added"}),
        ("echo >> /srv/page", {"/srv/page": "changed"}),
        ("rm /srv/page", {"/srv": "changed", "/srv/page": "deleted"}),
        ("rm -r /opt/deep", {"/opt": "changed", "/opt/deep": "deleted"}),
        ("rm -r /opt", {"/opt": "deleted"}),
        ("chmod 700 /opt", {"/opt": "changed"}),
        ("mkdir -p /a/b; echo > /a/b/c", {"/a": "added", "/a/b": "added", "/a/b/c": "added"}),
        ("rm -r /opt; echo > /opt", {"/opt": "changed"}),
        (
            "rm /srv/page; mkdir /srv/page; echo > /srv/page/in",
            {"/srv": "changed", "/srv/page": "changed", "/srv/page/in": "added"},
        ),
        ("rm /srv/link; ln -s elsewhere /srv/link", {"/srv": "changed", "/srv/link": "changed"}),
        ("echo > /etc/group", {"/etc": "changed", "/etc/group": "added"}),
        ("ln /srv/page /srv/again", {"/srv": "changed", "/srv/page": "changed", "/srv/again": "added"}),
        ("echo > /new; rm /new", {}),
        (
            "mv /srv/page /opt/page",
            {"/srv": "changed", "/srv/page": "deleted", "/opt": "changed", "/opt/page": "added"},
        ),
    ],
)
def test_each_change_is_told_as_docker_tells_it(host: Host, script: str, expected: dict[str, str]) -> None:
    assert changes_of(host, script) == expected


def test_a_folder_that_was_made_anew_lost_what_it_held(host: Host) -> None:
    script = "rm -r /opt/deep; mkdir /opt/deep; echo > /opt/deep/two; echo > /opt/deep/three"
    assert changes_of(host, script) == {
        "/opt": "changed",
        "/opt/deep": "changed",
        "/opt/deep/one": "deleted",
        "/opt/deep/two": "changed",
        "/opt/deep/three": "added",
    }


def test_files_and_folders_made_for_mounts_are_nobodys_change(host: Host) -> None:
    container = host.create("sh", "-c", "echo > /etc/mine")
    config = host.home / "containers" / container / "config.json"
    document = json.loads(config.read_bytes())
    for path in ("/srv/shared", "/mnt/some/where"):
        document["mounts"].append({"destination": path, "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]})
    config.write_text(json.dumps(document))
    host.engine.start(container)
    host.wait(container)
    upper = host.home / "containers" / container / "upper"
    assert (upper / "srv/shared").is_dir()
    assert (upper / "mnt/some/where").is_dir()
    assert changes(host, container) == {"/etc": "changed", "/etc/mine": "added"}


def test_names_that_are_not_utf8_are_told_whole(host: Host) -> None:
    assert changes_of(host, r"""touch "$(printf '/b\377d')" """) == {"/b\udcffd": "added"}


def test_a_running_container_is_told_of_as_it_is_now(host: Host) -> None:
    container = host.start("sh", "-c", "echo > /now; echo; sleep 60")
    path = host.home / "containers" / container / "upper" / "now"
    wait_until(path.exists, "it has written")
    assert changes(host, container) == {"/now": "added"}


def test_a_large_tree_is_read_as_it_is_asked_for(host: Host) -> None:
    state, _ = host.finish("sh", "-c", "mkdir /many; cd /many; for i in $(seq 3000); do : > $i; done")
    found = host.engine.diff(state.id)
    assert next(found).path == "/many"
    assert sum(1 for _ in found) == 3000


def test_links_and_strange_files_are_told_of_and_not_followed(host: Host, tmp_path: Path) -> None:
    script = f"ln -s {tmp_path} /out; mkfifo /pipe; ln -s /proc/self/fd /fds"
    assert changes_of(host, script) == {"/out": "added", "/pipe": "added", "/fds": "added"}


def test_an_unknown_container_is_told_at_once(host: Host) -> None:
    with pytest.raises(NotFound):
        host.engine.diff("0" * 64)
