"""Images that are mounted in a container beside its own: read only, put together from their layers, kept while used."""

import io
import shutil
import tarfile
from dataclasses import replace
from typing import Any

import pytest

from engine import Conflict, InvalidSpec, Mount, MountType, NotFound
from tests.images import docker_archive
from tests.images.build import build
from tests.images.layers import directory, file, layer, symlink
from tests.services import walk
from tests.services.host import Host

SCRIPT = "cat /opt/tools/etc/version; ls -ln /opt/tools/etc/version; ls /opt/tools; touch /opt/tools/new"


def image(source: str = "tools:test", target: str = "/opt/tools", **how: Any) -> Mount:
    return Mount(MountType.IMAGE, target, source, **how)


@pytest.fixture(autouse=True, scope="module")
def tools(host: Host) -> None:
    """`tools:test` of two layers, the second of which hides and replaces; `single:test` of one."""
    lower = layer(
        directory("etc"),
        file("etc/version", b"one\n", owner=7),
        file("hidden", b"x"),
        directory("bin"),
        symlink("out", "../../../../etc"),
        symlink("bin/here", "/etc"),
    )
    upper = layer(file("etc/version", b"two\n", owner=7), file(".wh.hidden"))
    for name, layers in (("tools:test", [lower, upper]), ("single:test", [lower])):
        host.engine.load_image(io.BytesIO(docker_archive(build(name, layers))))


@pytest.mark.v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_an_image_is_read_but_not_written_with_the_owners_it_has(host: Host, userns: str) -> None:
    _, output = host.finish("sh", "-c", SCRIPT, mounts=(image(),), userns=userns)
    version, listed, *names, refused = output.splitlines()
    assert (version, listed.split()[2:4]) == ("two", ["7", "7"])
    assert names == ["bin", "etc", "out"]
    assert "Read-only file system" in refused


@pytest.mark.parametrize("userns", ["", "host"])
def test_an_image_of_one_layer_is_mounted_like_others(host: Host, userns: str) -> None:
    ended, output = host.finish("sh", "-c", SCRIPT, mounts=(image("single:test"),), userns=userns)
    assert ended.mounted_images == (host.engine.image("single:test").id,)
    version, listed, *names, refused = output.splitlines()
    assert (version, listed.split()[2:4]) == ("one", ["7", "7"])
    assert names == ["bin", "etc", "hidden", "out"]
    assert "Read-only file system" in refused


@pytest.mark.parametrize("source", ["tools:test", "single:test"])
@pytest.mark.parametrize("subpath", ["etc", "bin/here", "out"])
@pytest.mark.parametrize("userns", ["", "host"])
def test_a_part_of_an_image_is_found_without_leaving_it(host: Host, source: str, subpath: str, userns: str) -> None:
    _, output = host.finish("ls", "/opt/part", mounts=(image(source, "/opt/part", subpath=subpath),), userns=userns)
    assert output == "version\n"


def test_one_file_of_an_image_can_be_mounted(host: Host) -> None:
    mounts = (image(target="/etc/motd", subpath="etc/version"),)
    assert host.finish("cat", "/etc/motd", mounts=mounts)[1] == "two\n"


def test_the_layers_are_shared_and_nothing_is_mounted_on_the_host(host: Host) -> None:
    container = host.start("sleep", "60", mounts=(image(), image("single:test", "/opt/single")))
    with open("/proc/self/mountinfo") as mounted:
        assert str(host.home) not in mounted.read()
    host.engine.restart(container, timeout_s=0)
    host.engine.remove(container, force=True)


def test_an_image_stays_while_a_stopped_container_mounts_it_and_goes_after_it(host: Host) -> None:
    files = layer(directory("etc"), file("etc/version", b"kept\n"))
    host.engine.load_image(io.BytesIO(docker_archive(build("kept:test", [files]))))
    container = host.create("cat", "/opt/tools/etc/version", mounts=(image("kept:test"),))
    with pytest.raises(Conflict, match="is used by t-"):
        host.engine.remove_image("kept:test")
    host.engine.remove_image("kept:test", force=True)  # takes but its name
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == "kept\n"
    host.engine.remove(container)
    with pytest.raises(NotFound):
        host.create("true", mounts=(image("kept:test"),))


def test_a_name_that_becomes_another_images_changes_nothing_for_a_container(host: Host) -> None:
    host.engine.tag_image("tools:test", "moving:test")
    first = host.create("cat", "/opt/tools/etc/version", mounts=(image("moving:test"),))
    host.engine.tag_image("single:test", "moving:test")
    _, output = host.finish("cat", "/opt/tools/etc/version", volumes_from=(first,))
    assert output == "two\n"
    host.engine.start(first)
    host.wait(first)
    assert host.output(first) == "two\n"


def test_an_image_without_the_part_or_that_is_not_there_is_told_at_creation(host: Host) -> None:
    with pytest.raises(InvalidSpec, match=r"mounts\[0\].subpath: the image tools:test has no hidden"):
        host.create("true", mounts=(image(subpath="hidden"),))
    with pytest.raises(NotFound, match="no-such"):
        host.create("true", mounts=(image("no-such:test"),))


def test_what_an_image_holds_can_be_copied_out_of_a_container_that_does_not_run(host: Host) -> None:
    container = host.start("true", mounts=(image(), image(target="/opt/part", subpath="etc")))
    host.wait(container)
    for path in ("/opt/tools/etc/version", "/opt/part/version"):
        _, stream = host.engine.copy_out(container, path)
        with stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            member = tar.extractfile("version")
            assert member is not None
            assert member.read() == b"two\n"


@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")
@pytest.mark.parametrize(("source", "version"), [("tools:test", "two\n"), ("single:test", "one\n")])
def test_another_runtime_mounts_it_as_well_but_no_part_of_it(host: Host, source: str, version: str) -> None:
    _, output = host.finish("cat", "/opt/tools/etc/version", mounts=(image(source),), runtime="runc")
    assert output == version
    with pytest.raises(InvalidSpec, match="runc cannot mount a part"):
        host.create("true", mounts=(replace(image(source), subpath="etc"),), runtime="runc")


def test_nothing_stays_mounted_whenever_a_birth_is_killed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in host.engine.states():
        host.engine.remove(state.id, force=True)
    mounts = (image(), image(target="/opt/part", subpath="etc"))
    verb = walk.Verb(
        lambda host: host.create("sleep", "60", mounts=mounts),
        lambda host, container: host.engine.start(container),
        ("birth",),
    )
    monkeypatch.setattr(walk, "VERBS", {"start": verb})
    walked = walk.Walk(host)
    fallen = [walked.cut_short("start", "birth", step) for step in range(5, 75, 10)]
    assert any("mount" in where or "fs" in where for where in fallen)
