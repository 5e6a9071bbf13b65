"""copy in and out: Docker's rules, mounts included, on running and stopped containers, whatever links lie about."""

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine import Conflict, InvalidArchive, InvalidSpec, NotFound, Restart, RestartPolicy, Status
from engine.images.tar.reader import TarReader
from tests import images
from tests.images.layers import MTIME, Entry
from tests.services.host import Host
from tests.services.processes import wait_until

TREE = "mkdir -p /d/in /other; echo text > /d/in/file; ln -s in /d/link; ln -s /d/in/file /d/far; ln -s nowhere /d/dead"


def out(host: Host, container: str, path: str) -> dict[str, tarfile.TarInfo]:
    _, stream = host.engine.copy_out(container, path)
    with stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        return {member.name: member for member in tar.getmembers()}


def content(host: Host, container: str, path: str) -> bytes:
    _, stream = host.engine.copy_out(container, path)
    with stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        [member] = tar.getmembers()
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


def put(host: Host, container: str, path: str, *entries: Entry, **rules: bool) -> None:
    host.engine.copy_in(container, path, io.BytesIO(images.layer(*entries)), **rules)


@pytest.fixture(params=["running", "stopped"])
def made(request: pytest.FixtureRequest, host: Host) -> Callable[..., str]:
    """Makes a container whose script has run, and that runs on or has ended."""

    def make(script: str = TREE, **spec: object) -> str:
        is_running = request.param == "running"
        container = host.start("sh", "-c", f"{script}\necho done{'; exec sleep 60' if is_running else ''}", **spec)
        wait_until(lambda: "done" in host.output(container), "it has written")
        if not is_running:
            assert host.wait(container).exit_code == 0
        return container

    return make


def with_mounts(host: Host, container: str, *mounts: Mapping[str, object], read_only: bool = False) -> str:
    """Give a container mounts by its bundle."""
    path = host.home / "containers" / container / "config.json"
    document = json.loads(path.read_bytes())
    document["mounts"] += mounts
    document["root"]["readonly"] = read_only
    path.write_text(json.dumps(document))
    return container


@pytest.mark.v2
def test_what_is_copied_out_has_its_own_last_name(host: Host, made: Callable[..., str]) -> None:
    container = made()
    assert list(out(host, container, "/d/in/file")) == ["file"]
    assert list(out(host, container, "d/in")) == ["in", "in/file"]
    assert list(out(host, container, "/d/in/")) == ["in", "in/file"]
    assert list(out(host, container, "/d/in/.")) == [".", "./file"]
    assert list(out(host, container, "/d/../d/in")) == ["in", "in/file"]
    assert content(host, container, "/d/in/file") == b"text\n"


def test_a_link_at_the_end_is_a_link_unless_a_folder_is_meant(host: Host, made: Callable[..., str]) -> None:
    container = made()
    assert out(host, container, "/d/link")["link"].linkname == "in"
    assert list(out(host, container, "/d/link/")) == ["link", "link/file"]
    assert list(out(host, container, "/d/link/.")) == [".", "./file"]
    assert list(out(host, container, "/d/link/file")) == ["file"]
    with pytest.raises(InvalidSpec, match="is not a folder"):
        host.engine.copy_out(container, "/d/far/")
    for long in ("/d/" + "x" * 256, "/x" * 4000):
        with pytest.raises(InvalidSpec, match="is too long"):
            host.engine.copy_out(container, long)
    for odd in ("", "/a\0b", "/\ud800"):
        with pytest.raises(InvalidSpec, match="is not a path"):
            host.engine.stat_path(container, odd)


def test_the_whole_root_comes_without_what_the_kernel_makes_up(host: Host, made: Callable[..., str]) -> None:
    names = out(host, made(), "/")
    assert {"/", "/bin/busybox", "/d/in/file", "/proc", "/sys"} <= {name if name else "/" for name in names}
    assert not [name for name in names if name.startswith(("/proc/", "/sys/"))]


def test_a_path_is_told_of_before_it_is_copied(host: Host, made: Callable[..., str]) -> None:
    container = made()
    file = host.engine.stat_path(container, "/d/in/file")
    assert (file.name, file.size, stat.S_ISREG(file.mode), file.link_target) == ("file", 5, True, "")
    assert host.engine.stat_path(container, "/d/far").link_target == "/d/in/file"
    assert host.engine.stat_path(container, "/d/link").link_target == "/d/in"
    assert host.engine.stat_path(container, "/d/dead").link_target == "/d/nowhere"
    assert stat.S_ISDIR(host.engine.stat_path(container, "/d/link/").mode)
    assert host.engine.stat_path(container, "/").name == "/"
    assert host.engine.copy_out(container, "/d/in/file")[0] == file


def test_what_is_not_there_is_told(host: Host, made: Callable[..., str]) -> None:
    container = made()
    for path in ("/nosuch", "/d/dead/", "/nosuch/below"):
        with pytest.raises(NotFound, match="in the container"):
            host.engine.stat_path(container, path)
    for path in ("", "/d/in/file/", "/d/in/file/below", "a\0b", "/x" * 3000):
        with pytest.raises(InvalidSpec, match="path"):
            host.engine.stat_path(container, path)
    with pytest.raises(NotFound):
        host.engine.stat_path("0" * 64, "/")


@pytest.mark.v2
def test_what_is_copied_in_is_there(host: Host, made: Callable[..., str]) -> None:
    container = made()
    entries = [
        images.directory("new", mode=0o750, owner=1000),
        images.file("new/file", b"data", mode=0o4755, owner=1001),
        images.symlink("new/link", "file"),
        images.hard_link("new/again", "new/file"),
        images.fifo("new/pipe"),
    ]
    put(host, container, "/d", *entries)
    found = out(host, container, "/d/new")
    assert (found["new"].mode, found["new"].uid, found["new"].gid) == (0o750, 1000, 1000)
    files = [found["new/file"], found["new/again"]]
    assert sorted(member.type for member in files) == [tarfile.REGTYPE, tarfile.LNKTYPE]
    assert [(member.mode, member.uid) for member in files] == [(0o4755, 1001)] * 2
    assert found["new/file"].mtime == MTIME
    assert found["new/link"].linkname == "file"
    assert found["new/pipe"].isfifo()


def test_a_container_sees_what_was_copied_into_it(host: Host) -> None:
    container = host.create(
        "sh", "-c", "cat /d/one; stat -c %u:%g /d/one; while ! test -e /d/two; do sleep 0.02; done; cat /d/two"
    )
    put(host, container, "/", images.file("d/one", b"1\n", owner=7))
    host.engine.start(container)
    wait_until(lambda: host.output(container) == "1\n7:7\n", "it has seen the first")
    put(host, container, "/d", images.file("two", b"2\n"))
    host.wait(container)
    assert host.output(container) == "1\n7:7\n2\n"


def test_what_was_there_is_replaced_but_folders_are_merged(host: Host, made: Callable[..., str]) -> None:
    container = made()
    put(
        host,
        container,
        "/",
        images.directory("d"),
        images.file("d/in/more", b"m"),
        images.file("d/link", b"now a file"),
    )
    names = out(host, container, "/d")
    assert {"d/in/file", "d/in/more"} <= set(names)
    assert names["d/link"].isfile()
    put(host, container, "/d", images.file("in", b"in place of a folder"))
    assert content(host, container, "/d/in") == b"in place of a folder"
    put(host, container, "/d", images.directory("in"))
    assert out(host, container, "/d/in")["in"].isdir()


def test_replacing_a_folder_by_something_else_can_be_refused(host: Host, made: Callable[..., str]) -> None:
    container = made()
    with pytest.raises(InvalidArchive, match="replace a folder by something else"):
        put(host, container, "/d", images.file("in"), no_overwrite_dir_non_dir=True)
    with pytest.raises(InvalidArchive, match="replace something else by a folder"):
        put(host, container, "/d/in", images.directory("file"), no_overwrite_dir_non_dir=True)
    put(host, container, "/d/in", images.file("file", b"other"), no_overwrite_dir_non_dir=True)
    assert content(host, container, "/d/in/file") == b"other"


def test_everything_can_be_given_to_the_containers_own_user(host: Host, made: Callable[..., str]) -> None:
    container = made("true", user="1234:2345")
    put(host, container, "/tmp", images.file("mine", owner=5), copy_uid_gid=True)
    member = out(host, container, "/tmp/mine")["mine"]
    assert (member.uid, member.gid) == (1234, 2345)


def test_file_capabilities_are_those_of_the_containers_own_root(host: Host, made: Callable[..., str]) -> None:
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    container = made()
    xattrs = {"security.capability": capability.decode(), "user.note": "kept"}
    put(host, container, "/d", images.file("able", mode=0o755, xattrs=xattrs))
    _, stream = host.engine.copy_out(container, "/d/able")
    with stream:
        [entry] = TarReader(io.BytesIO(b"".join(stream)))
    assert entry.xattrs == {"security.capability": capability, "user.note": b"kept"}
    image = host.engine.commit(container)
    layer = host.home / "images/layers" / image.layers[-1].chain_id[7:] / "diff"
    assert os.getxattr(layer / "d/able", "security.capability") == capability


def test_a_container_that_waits_for_its_restart_is_not_written_to(host: Host) -> None:
    container = host.start("false", restart=RestartPolicy(Restart.ALWAYS))

    def is_waiting() -> bool:
        state = host.engine.state(container)
        return state.status is Status.RESTARTING and state.restart_count > 2  # the pause is long by then

    wait_until(is_waiting, "it waits")
    with pytest.raises(Conflict, match="is being restarted"):
        put(host, container, "/", images.file("x"))
    host.engine.stop(container)
    put(host, container, "/", images.file("x"))


def test_only_a_folder_can_be_copied_into(host: Host, made: Callable[..., str]) -> None:
    container = made()
    with pytest.raises(InvalidSpec, match="is not a folder"):
        put(host, container, "/d/in/file", images.file("x"))
    with pytest.raises(NotFound):
        put(host, container, "/nosuch", images.file("x"))
    put(host, container, "/d/link", images.file("x"))
    assert "in/x" in out(host, container, "/d/in")


def test_an_archive_that_is_none_or_leads_out_is_refused(host: Host, made: Callable[..., str]) -> None:
    container = made()
    for data in (
        b"no tar at all" * 100,
        images.layer(images.file("../x")),
        images.layer(images.file("a", b"x" * 2000))[:1024],
    ):
        with pytest.raises(InvalidArchive, match="archive"):
            host.engine.copy_in(container, "/d", io.BytesIO(data))
    put(host, container, "/d", images.file("/absolute", b"is below the folder"))
    assert content(host, container, "/d/absolute") == b"is below the folder"


def test_absolute_links_lead_to_the_containers_own_root(host: Host, made: Callable[..., str], tmp_path: Path) -> None:
    container = made(f"ln -s {tmp_path} /out; ln -s / /root-link; mkdir -p {tmp_path}")
    put(host, container, "/", images.file("out/inside", b"x"), images.file("root-link/top", b"y"))
    put(host, container, "/out", images.file("also", b"z"))
    assert not list(tmp_path.iterdir())
    assert {"top"} == set(out(host, container, "/top"))
    assert len(out(host, container, f"{tmp_path}/.")) == 3


@pytest.mark.v2
def test_mounts_are_copied_from_and_into(host: Host, tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("from the host")
    bind = {"destination": "/mnt/data", "type": "bind", "source": str(tmp_path), "options": ["rbind", "rw"]}
    locked = {"destination": "/locked", "type": "bind", "source": str(tmp_path), "options": ["rbind", "ro"]}
    memory = {"destination": "/memory", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]}
    container = with_mounts(host, host.create("sleep", "60"), bind, locked, memory)
    put(host, container, "/mnt/data", images.file("early", b"1"))
    assert (tmp_path / "early").read_bytes() == b"1"
    host.engine.start(container)
    assert content(host, container, "/mnt/data/seen") == b"from the host"
    put(host, container, "/mnt", images.file("data/late", b"2"))
    assert (tmp_path / "late").read_bytes() == b"2"
    assert [(tmp_path / name).stat().st_uid for name in ("early", "late")] == [0, 0]
    put(host, container, "/memory", images.file("x", b"3"))
    assert content(host, container, "/memory/x") == b"3"
    for _ in range(2):
        with pytest.raises(Conflict, match="read-only"):
            put(host, container, "/locked", images.file("x"))
        assert content(host, container, "/locked/seen") == b"from the host"
        host.engine.stop(container, timeout_s=0)
    assert set(out(host, container, "/mnt/data")) == {"data", "data/early", "data/late", "data/seen"}


@pytest.mark.parametrize("is_running", [True, False])
def test_a_read_only_root_is_not_written_to_but_its_volumes_are(host: Host, tmp_path: Path, is_running: bool) -> None:
    bind = {"destination": "/tmp", "type": "bind", "source": str(tmp_path), "options": ["rbind", "rw"]}
    container = with_mounts(host, host.create("sleep", "60"), bind, read_only=True)
    if is_running:
        host.engine.start(container)
    with pytest.raises(Conflict, match="read-only"):
        put(host, container, "/root", images.file("x"))
    put(host, container, "/tmp", images.file("x", b"fine"))
    assert (tmp_path / "x").read_bytes() == b"fine"


def test_nothing_of_a_copy_is_left_on_the_host(host: Host, tmp_path: Path) -> None:
    bind = {"destination": "/mnt", "type": "bind", "source": str(tmp_path), "options": ["rbind"]}
    container = with_mounts(host, host.create("sleep", "60"), bind)
    before, mounts = os.listdir("/proc/self/fd"), Path("/proc/self/mountinfo").read_text()
    for _ in range(2):
        put(host, container, "/mnt", images.file("x"))
        out(host, container, "/mnt")
        host.engine.copy_out(container, "/mnt")[1].close()
        with pytest.raises(NotFound):
            host.engine.copy_out(container, "/nosuch")
        host.engine.start(container)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert Path("/proc/self/mountinfo").read_text() == mounts


HOSTILE = """
mkdir /flip /real /away
while :; do
    mv /flip /away/flip 2>/dev/null; ln -s %s /flip; rm /flip; mv /away/flip /flip
    rm -f /real/file; ln -s %s/secret /real/file; rm /real/file; echo harmless > /real/file
done
"""


def test_a_container_that_flips_links_while_it_is_copied_gains_nothing(host: Host, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret of the host")
    container = host.start("sh", "-c", HOSTILE % (tmp_path, tmp_path))
    wait_until((host.home / "containers" / container / "upper/real").exists, "it flips")
    copied = 0
    for number in range(150):
        try:
            put(host, container, "/", images.file(f"flip/{number}", b"x"), images.file("real/file", b"y"))
            _, stream = host.engine.copy_out(container, "/real/.")
            with stream:
                data = b"".join(stream)
        except (NotFound, InvalidSpec, InvalidArchive, Conflict):
            continue  # it was not there at that moment
        copied += 1
        assert b"secret of" not in data
    assert copied > 10
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").read_text() == "secret of the host"


KILLED_COPY = """
import io, sys, time
from pathlib import Path
from engine import Engine

class Slow(io.BytesIO):
    def readinto(self, buffer):
        count = super().readinto(memoryview(buffer)[:512])
        if not count:
            print("all but the end", flush=True)
            time.sleep(60)
        return count

home, run, container = sys.argv[1:]
Engine(Path(home), Path(run)).copy_in(container, "/mnt", Slow(sys.stdin.buffer.read()))
"""


def test_a_copy_that_is_killed_leaves_a_container_that_starts(host: Host, tmp_path: Path) -> None:
    bind = {"destination": "/mnt", "type": "bind", "source": str(tmp_path), "options": ["rbind"]}
    container = with_mounts(host, host.create("true"), bind)
    mounts = Path("/proc/self/mountinfo").read_text()
    command = [sys.executable, "-c", KILLED_COPY, str(host.home), str(host.run), container]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as copying:
        assert copying.stdin
        assert copying.stdout
        copying.stdin.write(images.layer(images.file("unfinished", b"x" * 5000))[:4096])
        copying.stdin.close()
        assert copying.stdout.readline() == b"all but the end\n"
        copying.kill()
    assert Path("/proc/self/mountinfo").read_text() == mounts
    host.engine.start(container)
    assert host.wait(container).exit_code == 0
