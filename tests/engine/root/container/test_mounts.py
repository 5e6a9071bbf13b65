"""What of the host a container has mounted, how, and where a hostile root would like it to be."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine import EngineError, InvalidSpec, KernelError, Mount, MountType, Propagation, RecursiveReadOnly, Relabel
from tests.services.host import Host


def bind(source: Path, target: str, **how: object) -> Mount:
    return Mount(MountType.BIND, target, str(source), **how)  # type: ignore[arg-type]


def tmpfs(target: str, **how: object) -> Mount:
    return Mount(MountType.TMPFS, target, **how)  # type: ignore[arg-type]


def options_of(output: str, at: str) -> list[str]:
    """The options of the mount at `at` in what /proc/self/mountinfo says, those of its file system last."""
    fields = next(line.split() for line in reversed(output.splitlines()) if line.split()[4] == at)
    return [*fields[5].split(","), *fields[-1].split(",")]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host with another file system mounted within, shared with its peers."""
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    subprocess.run(["mount", "--bind", inner.parent, inner.parent], check=True)
    subprocess.run(["mount", "--make-shared", inner.parent], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "inner", inner], check=True)
    (inner / "deep").write_text("deep\n")
    (inner.parent / "file").write_text("file\n")
    yield inner.parent
    subprocess.run(["umount", "--recursive", inner.parent], check=True)


@pytest.mark.v2
def test_a_folder_of_the_host_is_read_and_written_with_what_is_mounted_within(host: Host, tree: Path) -> None:
    script = "cat /data/file /data/inner/deep; echo mine > /data/new; echo too > /data/inner/new"
    _, output = host.finish("sh", "-c", script, mounts=(bind(tree, "/data"),))
    assert output.splitlines() == ["file", "deep"]
    assert (tree / "new").read_text() == "mine\n"
    assert (tree / "inner" / "new").read_text() == "too\n"
    assert (tree / "new").stat().st_uid == 0


def test_read_only_means_everything_within_unless_told_otherwise(host: Host, tree: Path) -> None:
    script = "echo x > /data/x; echo x > /data/inner/x; true"
    _, output = host.finish("sh", "-c", script, mounts=(bind(tree, "/data", read_only=True),))
    assert output.count("Read-only file system") == 2
    outermost = bind(tree, "/data", read_only=True, recursive_read_only=RecursiveReadOnly.OFF)
    _, output = host.finish("sh", "-c", script, mounts=(outermost,))
    assert output.count("Read-only file system") == 1
    assert (tree / "inner" / "x").exists()


def test_a_mount_that_is_not_recursive_leaves_out_what_is_mounted_within(host: Host, tree: Path) -> None:
    _, output = host.finish("ls", "/data/inner", mounts=(bind(tree, "/data", non_recursive=True),))
    assert output == ""


def test_later_mounts_of_the_host_are_seen_inside_only_with_slave_or_shared(host: Host, tree: Path) -> None:
    script = "until [ -e /go/on ]; do sleep 0.05; done; ls /data/late"
    go, late = tree.parent / "go", tree / "late"
    go.mkdir()
    late.mkdir()
    kinds = (Propagation.RPRIVATE, Propagation.RSLAVE, Propagation.RSHARED)
    started = [
        host.start("sh", "-c", script, mounts=(bind(tree, "/data", propagation=kind), bind(go, "/go")))
        for kind in kinds
    ]
    subprocess.run(["mount", "-t", "tmpfs", "late", late], check=True)
    (late / "seen").touch()
    (go / "on").touch()
    for container in started:
        host.wait(container)
    assert [host.output(container) for container in started] == ["", "seen\n", "seen\n"]


def test_a_mount_made_inside_reaches_the_host_only_with_shared(host: Host, tree: Path) -> None:
    for kind, expected in ((Propagation.RSLAVE, False), (Propagation.RSHARED, True)):
        point = tree / kind.value
        point.mkdir()
        mounts = (bind(tree, "/data", propagation=kind),)
        may = {"cap_add": ("SYS_ADMIN",), "apparmor": "unconfined"}
        state, output = host.finish("mount", "-t", "tmpfs", "made", f"/data/{kind.value}", mounts=mounts, **may)
        assert state.exit_code == 0, output
        assert os.path.ismount(point) is expected


def test_a_file_is_mounted_on_a_file_that_is_made_for_it(host: Host, tree: Path) -> None:
    _, output = host.finish("sh", "-c", "cat /new/place; ls -l /new", mounts=(bind(tree / "file", "/new/place"),))
    assert output.startswith("file\n")


def test_a_file_on_a_folder_and_a_folder_on_a_file_are_told_as_such(host: Host, tree: Path) -> None:
    for source, target in ((tree, "/etc/passwd"), (tree / "file", "/etc")):
        container = host.create("true", mounts=(bind(source, target),))
        with pytest.raises(KernelError) as told:
            host.engine.start(container)
        assert "a file on a file" in told.value.hint


def test_a_missing_source_is_refused_unless_it_may_be_made(host: Host, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match=r"mounts\[0\].source: .* does not exist on this host"):
        host.create("true", mounts=(bind(tmp_path / "none", "/data"),))
    state, _ = host.finish("touch", "/data/x", mounts=(bind(tmp_path / "made/here", "/data", create_source=True),))
    assert state.exit_code == 0
    assert (tmp_path / "made/here/x").exists()


def test_a_folder_that_may_be_made_is_made_again_where_it_went_away(host: Host, tmp_path: Path) -> None:
    container = host.create("touch", "/data/x", mounts=(bind(tmp_path / "made", "/data", create_source=True),))
    (tmp_path / "made").rmdir()
    host.engine.start(container)
    assert host.wait(container).exit_code == 0
    assert (tmp_path / "made/x").exists()


@pytest.mark.parametrize("kind", [Propagation.SHARED, Propagation.RSLAVE])
def test_sharing_with_a_mount_that_shares_nothing_is_refused(host: Host, tree: Path, kind: Propagation) -> None:
    subprocess.run(["mount", "--make-private", tree], check=True)
    with pytest.raises(InvalidSpec, match=rf"mounts\[0\].propagation: .* is on the mount {tree}, which shares nothing"):
        host.create("true", mounts=(bind(tree, "/data", propagation=kind),))


def test_a_source_that_went_away_is_named_when_the_container_starts(host: Host, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    container = host.create("true", mounts=(bind(tmp_path / "gone", "/data"),))
    (tmp_path / "gone").rmdir()
    with pytest.raises(EngineError, match=r"open_tree on .*/gone failed: No such file or directory"):
        host.engine.start(container)


def test_mounts_within_mounts_are_made_from_the_outermost_in(host: Host, tmp_path: Path) -> None:
    for name in ("inner", "outer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    mounts = (bind(tmp_path / "inner", "/a/b"), bind(tmp_path / "outer", "/a"))
    _, output = host.finish("cat", "/a/name", "/a/b/name", mounts=mounts)
    assert output == "outerinner\n"
    assert (tmp_path / "outer" / "b").is_dir()


@pytest.mark.v2
def test_a_tmpfs_has_the_size_mode_and_options_asked_for(host: Host) -> None:
    mounts = (tmpfs("/t", size_bytes=1 << 20, mode=0o1770, options=("exec", "uid=7")), tmpfs("/r", read_only=True))
    script = "cat /proc/self/mountinfo; stat -c 'mode %a %u' /t; dd if=/dev/zero of=/t/x bs=64k count=32; touch /r/x"
    _, output = host.finish("sh", "-c", script, mounts=mounts)
    lines = "\n".join(line for line in output.splitlines() if " - " in line)
    assert {"rw", "nosuid", "nodev", "size=1024k"} <= set(options_of(lines, "/t"))
    assert "noexec" not in options_of(lines, "/t")
    assert {"ro", "noexec"} <= set(options_of(lines, "/r"))
    assert "mode 1770 7" in output
    assert "No space left on device" in output
    assert "/r/x: Read-only file system" in output


def test_a_tmpfs_can_begin_with_what_it_covers(host: Host) -> None:
    """`tmpcopyup` of a bundle: the image's files are there, and what is written to them stays in memory."""
    container = host.create("sh", "-c", "stat -c '%a %u %h' /etc /etc/passwd; echo x >> /etc/passwd; touch /etc/new")
    bundle = host.home / "containers" / container / "config.json"
    document = json.loads(bundle.read_text())
    copying = {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "tmpcopyup"]}
    document["mounts"].insert(len(document["mounts"]) - 3, copying)  # before the files in /etc
    bundle.write_text(json.dumps(document))
    host.engine.start(container)
    assert host.wait(container).exit_code == 0
    assert host.output(container).splitlines() == ["755 0 2", "644 0 1"]
    assert list((host.home / "containers" / container / "upper").iterdir()) == []


def test_shared_memory_has_64_mib_or_the_size_asked_for(host: Host) -> None:
    _, usual = host.finish("df", "-k", "/dev/shm")
    _, asked = host.finish("df", "-k", "/dev/shm", shm_size_bytes=1 << 20)
    assert [text.splitlines()[-1].split()[1] for text in (usual, asked)] == ["65536", "1024"]


@pytest.mark.parametrize("link", ["/proc/self/fd", "/../../../..", "//proc/1/root", "/proc/self/cwd"])
def test_no_link_in_the_root_leads_a_mount_out_of_it(host: Host, tmp_path: Path, link: str) -> None:
    """The target goes through a link the image planted; nothing may be made, or mounted, on the host."""
    (tmp_path / "source").mkdir()
    outside = tmp_path / "outside"
    container = host.create("true", mounts=(bind(tmp_path / "source", f"/link{outside}"),))
    upper = host.home / "containers" / container / "upper"
    (upper / "link").symlink_to(link)
    with suppress(EngineError):  # refused is as good as kept inside
        host.engine.start(container)
        host.wait(container)
    assert not outside.exists()


def test_every_descriptor_of_the_host_is_refused_as_a_place(host: Host, tmp_path: Path) -> None:
    """/proc/self/fd/N leads to the host's root while a container is born: no mount and no folder may go there."""
    (tmp_path / "source").mkdir()
    for number in range(3, 11):
        container = host.create("true", mounts=(bind(tmp_path / "source", f"/link{tmp_path}/made"),))
        (host.home / "containers" / container / "upper" / "link").symlink_to(f"/proc/self/fd/{number}")
        with pytest.raises(EngineError):
            host.engine.start(container)
        host.engine.remove(container)
        assert not (tmp_path / "made").exists()


def test_a_place_that_changes_into_a_link_at_the_last_moment_leads_nowhere_else(host: Host, tmp_path: Path) -> None:
    """One container swaps a folder of a shared volume with links to the host's root, others have a mount there."""
    shared, source = tmp_path / "shared", tmp_path / "source"
    shared.mkdir()
    source.mkdir()
    links = "".join(f"ln -s {to} sub; rm sub; " for to in ("/proc/self/fd/5/tmp", "/../../", "/proc/1/root"))
    swap = f"cd /s; while :; do mkdir sub; rmdir sub; {links} done"
    swapping = host.start("sh", "-c", swap, mounts=(bind(shared, "/s"),))
    before = sorted(os.listdir("/"))
    for _ in range(8):
        container = host.create("true", mounts=(bind(shared, "/s"), bind(source, "/s/sub/planted")))
        with suppress(EngineError):  # refused, or mounted inside: either will do
            host.engine.start(container)
            host.wait(container)
        host.engine.remove(container, force=True)
    host.engine.remove(swapping, force=True)
    assert sorted(os.listdir("/")) == before
    assert not Path("/tmp/planted").exists()
    assert not Path("/planted").exists()


def test_a_link_to_nowhere_is_followed_inside_the_root(host: Host, tmp_path: Path) -> None:
    """As Debian's /etc/resolv.conf leads to a file of a service that no container runs."""
    container = host.create("sh", "-c", "readlink /etc/resolv.conf; ls /run/resolve", dns=("192.0.2.1",))
    upper = host.home / "containers" / container / "upper"
    (upper / "etc").mkdir()
    (upper / "etc/resolv.conf").symlink_to("../run/resolve/stub.conf")
    host.engine.start(container)
    host.wait(container)
    assert host.output(container).split() == ["../run/resolve/stub.conf", "stub.conf"]


def test_a_label_is_passed_over_with_a_warning_where_there_is_no_selinux(host: Host, tmp_path: Path) -> None:
    if Path("/sys/fs/selinux/enforce").exists():
        pytest.skip("a kernel without SELinux")
    container = host.create("true", mounts=(bind(tmp_path, "/data", relabel=Relabel.PRIVATE),))
    warning = "The label asked for /data is not set: this kernel has no SELinux."
    assert host.engine.state(container).warnings == (warning,)


def test_paths_are_masked_and_made_read_only_as_asked(host: Host, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_text("secret")
    script = "exec 2>&1; cat /data/secret; ls /data/folder; echo x > /data/file; head -c3 /proc/interrupts | wc -c"
    _, output = host.finish(
        *("sh", "-c", script),
        mounts=(bind(tmp_path, "/data"),),
        masked_paths=("/data/secret", "/data/folder", "/data/missing"),
        readonly_paths=("/data",),
    )
    assert "secret" not in output
    assert "Read-only file system" in output
    assert output.splitlines()[-1] == "3"


def test_a_null_device_that_is_a_link_in_a_dev_of_the_callers_own_masks_all_the_same(
    host: Host, tmp_path: Path
) -> None:
    """Else a path would be masked by whatever file of /proc the link names, and that be writable (CVE-2025-31133)."""
    (tmp_path / "null").symlink_to("/proc/self/status")
    _, output = host.finish("sh", "-c", "wc -c < /proc/interrupts", mounts=(bind(tmp_path, "/dev"),))
    assert output == "0\n"
