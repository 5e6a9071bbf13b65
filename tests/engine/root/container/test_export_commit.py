"""export and commit: a container's files as a tar, and as an image of its own."""

import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

from engine import Conflict, HealthCheck, InvalidSpec, NotFound
from engine.container import state
from tests.services.host import Host
from tests.services.processes import wait_until

SCRIPT = """
mkdir -p /data/in; echo text > /data/in/file; ln /data/in/file /data/again; ln -s in/file /data/link
chown 1000:1001 /data/in/file; chmod 4750 /data/in; mkfifo /data/pipe; mknod /data/null c 1 3
dd if=/dev/zero of=/data/holes bs=1 count=1 seek=1048575 2>/dev/null
rm /etc/group; rm -r /var; mkdir /var; echo > /var/new
"""


def export(host: Host, container: str) -> dict[str, tarfile.TarInfo]:
    with host.engine.export(container) as stream:
        archive = io.BytesIO(b"".join(stream))
    with tarfile.open(fileobj=archive) as tar:
        return {member.name: member for member in tar.getmembers()}


@pytest.mark.v2
@pytest.mark.parametrize("is_running", [True, False])
def test_an_export_is_the_whole_root_without_what_is_mounted(host: Host, is_running: bool) -> None:
    command = f"{SCRIPT}echo done{'; sleep 60' if is_running else ''}"
    container = host.start("sh", "-c", command, userns="host")
    wait_until(lambda: host.output(container) == "done\n", "it has written")
    if not is_running:
        host.wait(container)
    members = export(host, container)
    assert {"bin/busybox", "bin/sh", "etc/passwd", "data/in/file", "proc", "dev"} <= set(members)
    assert not [name for name in members if name.startswith(("proc/", "dev/", "sys/", "/", "."))]
    assert not {"etc/group", "data/socket"} & set(members)
    linked = {members["data/again"].name: members["data/again"], "data/in/file": members["data/in/file"]}
    assert sorted(member.type for member in linked.values()) == [tarfile.REGTYPE, tarfile.LNKTYPE]
    file = members["data/again"]
    assert (file.uid, file.gid, file.size) == (1000, 1001, 5)
    assert members["data/in"].mode == 0o4750
    assert members["data/link"].linkname == "in/file"
    assert members["data/pipe"].isfifo()
    assert (members["data/null"].devmajor, members["data/null"].devminor) == (1, 3)
    assert (members["data/holes"].size, members["data/holes"].issparse()) == (1 << 20, True)


def test_an_export_that_is_left_early_gives_everything_back(host: Host) -> None:
    container = host.start("sleep", "60")
    before = len(os.listdir("/proc/self/fd"))
    with host.engine.export(container) as stream:
        assert next(stream)
    host.engine.export(container).close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_container_can_be_started_while_its_export_is_read(host: Host) -> None:
    container = host.create("sh", "-c", "echo > /late; sleep 60")
    with host.engine.export(container) as stream:
        first = next(stream)
        host.engine.start(container)
        archive = io.BytesIO(first + b"".join(stream))
    with tarfile.open(fileobj=archive) as tar:
        assert "bin/busybox" in tar.getnames()


@pytest.mark.v2
def test_a_committed_image_shows_what_the_container_saw(host: Host) -> None:
    ended, output = host.finish("sh", "-c", SCRIPT, userns="host")
    assert (ended.exit_code, output) == (0, "")
    image = host.engine.commit(ended.id, "mine:1", author="me", message="why")
    assert image.references == ("docker.io/library/mine:1",)
    assert image.history[-1].comment == "why"
    listing = """cd /data; stat -c '%n %u:%g %a' in; stat -c '%n %u:%g %a %h %s' in/file again holes
        ls -d /etc/group /var/* pipe null link 2>&1"""
    _, seen = host.finish("sh", "-c", listing, image="mine:1")
    assert seen.splitlines() == [
        "in 0:0 4750",
        "in/file 1000:1001 644 2 5",
        "again 1000:1001 644 2 5",
        "holes 0:0 644 1 1048576",
        "ls: /etc/group: No such file or directory",
        "/var/new",
        "link",
        "null",
        "pipe",
    ]
    assert not list(host.engine.diff(host.create("true", image="mine:1")))


def test_a_committed_image_runs_as_its_container_did_unless_told_otherwise(host: Host) -> None:
    container = host.create("sh", "-c", "echo hello", env=("A=1", "B=2"), cwd="/root", labels={"x": "y"})
    image = host.engine.commit(container, "mine:2", changes=["ENV B=3", "USER nobody", "EXPOSE 80", 'LABEL z="a b"'])
    assert (image.command, image.working_dir, image.user) == (("sh", "-c", "echo hello"), "/root", "nobody")
    assert {"PATH=/bin", "A=1", "B=3"} == set(image.env)
    assert (image.exposed_ports, dict(image.labels)) == (("80/tcp",), {"x": "y", "z": "a b"})
    checked = host.create("true", health=HealthCheck(("CMD", "true"), interval_s=1.5, retries=2))
    health = host.engine.commit(checked).health
    assert (health.test, health.interval_s, health.retries) == (("CMD", "true"), 1.5, 2)
    other = host.engine.commit(container, changes=['ENTRYPOINT ["echo"]'])
    assert (other.entrypoint, other.command, other.references) == (("echo",), None, ())


def test_a_container_that_wrote_nothing_adds_no_layer(host: Host) -> None:
    container = host.create("true")
    base = host.engine.image("busybox:test")
    image = host.engine.commit(container, "mine:3")
    assert image.layers == base.layers
    assert image.history[-1].is_empty_layer


def test_a_commit_of_a_commit_shares_the_layers_below(host: Host) -> None:
    first, _ = host.finish("sh", "-c", "echo 1 > /one")
    host.engine.commit(first.id, "mine:4")
    second, _ = host.finish("sh", "-c", "cat /one; echo 2 > /two", image="mine:4")
    image = host.engine.commit(second.id, "mine:5")
    assert len(image.layers) == 3
    _, output = host.finish("cat", "/one", "/two", image="mine:5")
    assert output == "1\n2\n"


def test_the_same_changes_make_the_same_layer(host: Host) -> None:
    ended, _ = host.finish("sh", "-c", "mkdir /d; echo > /d/f")
    one, other = host.engine.commit(ended.id), host.engine.commit(ended.id)
    assert one.layers == other.layers


def test_attributes_that_travel_are_kept_and_others_are_not(host: Host) -> None:
    ended, _ = host.finish("sh", "-c", "echo > /file; mkdir /folder")
    upper = host.home / "containers" / ended.id / "upper"
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(upper / "file", "security.capability", capability)
    os.setxattr(upper / "file", "user.note", b"\0\xff")
    os.setxattr(upper / "folder", "user.note", b"folder")
    os.setxattr(upper / "folder", "trusted.secret", b"x")
    image = host.engine.commit(ended.id)
    layer = host.home / "images/layers" / image.layers[-1].chain_id[7:] / "diff"
    assert os.getxattr(layer / "file", "security.capability") == capability
    assert os.getxattr(layer / "file", "user.note") == b"\0\xff"
    assert os.listxattr(layer / "folder") == ["user.note"]


@pytest.mark.v2
def test_a_running_container_stands_still_while_it_is_committed_and_then_runs_on(host: Host) -> None:
    write = "n=0; while :; do n=$((n+1)); for f in a z; do echo $n > /t; mv /t /$f; done; done"
    container = host.start("sh", "-c", f"dd if=/dev/zero of=/m bs=1M count=40 2>/dev/null; {write}")
    upper = host.home / "containers" / container / "upper"
    wait_until((upper / "z").exists, "it writes")
    image = host.engine.commit(container)
    layer = host.home / "images/layers" / image.layers[-1].chain_id[7:] / "diff"
    first, last = int((layer / "a").read_text()), int((layer / "z").read_text())
    assert first - last in (0, 1), "what is read last is no newer than what was read first"
    assert not host.engine._runtime.cgroups.is_frozen(state.load_record(upper.parent).cgroup)
    written = (upper / "a").read_text()
    wait_until(lambda: (upper / "a").read_text() != written, "it runs on")
    assert host.engine.commit(container, pause=False).layers != image.layers


def test_a_device_no_image_may_hold_is_told_and_nothing_is_kept(host: Host) -> None:
    ended, output = host.finish("mknod", "/disk", "b", "8", "0", userns="host")
    assert (ended.exit_code, output) == (0, "")
    before = host.engine.images()
    with pytest.raises(Conflict, match="/disk is a device"):
        host.engine.commit(ended.id, "mine:6")
    assert host.engine.images() == before
    assert not list((host.home / "images/staging").iterdir())


def test_what_is_wrong_with_a_commit_is_named(host: Host) -> None:
    container = host.create("true")
    with pytest.raises(InvalidSpec, match=r"changes\[0\]"):
        host.engine.commit(container, changes=["RUN x"])
    with pytest.raises(InvalidSpec, match="reference"):
        host.engine.commit(container, "Not A Name")
    for verb in (host.engine.commit, host.engine.export):
        with pytest.raises(NotFound):
            verb("0" * 64)


def test_the_configuration_keeps_what_the_engine_does_not_know(host: Host) -> None:
    image = host.engine.commit(host.create("true"), changes=['HEALTHCHECK CMD ["x"]', "ONBUILD RUN y"])
    document = json.loads((host.home / "images/blobs/sha256" / image.id[7:]).read_bytes())
    assert document["config"]["Healthcheck"] == {"Test": ["CMD", "x"]}
    assert document["config"]["OnBuild"] == ["RUN y"]


KILLED_COMMIT = """
import sys, time
from pathlib import Path
from engine import Engine
from engine.images import reporter

home, run, container, group = sys.argv[1:]
engine = Engine(Path(home), Path(run))
reporter._ASK_EVERY_S = 0
engine.commit(container, "killed:1", is_cancelled=lambda: engine._runtime.cgroups.is_frozen(group) and time.sleep(60))
"""


def test_a_commit_that_is_killed_leaves_no_container_standing_still_and_no_image(host: Host) -> None:
    container = host.start("sh", "-c", "dd if=/dev/zero of=/m bs=1M count=8 2>/dev/null; echo; exec sleep 60")
    wait_until(lambda: host.output(container), "it has written")
    before = host.engine.images()
    group = state.load_record(host.home / "containers" / container).cgroup
    arguments = [str(host.home), str(host.run), container, group]
    with subprocess.Popen([sys.executable, "-c", KILLED_COMMIT, *arguments]) as committing:
        wait_until(lambda: host.engine._runtime.cgroups.is_frozen(group), "it stands still")
        committing.kill()
    host.engine.repair()
    assert not host.engine._runtime.cgroups.is_frozen(group)
    assert host.engine.images() == before
    assert not list((host.home / "images/staging").iterdir())
    assert host.engine.stop(container, timeout_s=0).exit_code == 137
