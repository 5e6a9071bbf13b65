"""A layer on the disk is what its tar says, and overlayfs shows what the image's author saw."""

import io
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.images import Image, ImageStore
from tests import images

Load = Callable[[bytes], list[Image]]


@pytest.fixture
def merged(store: ImageStore, tmp_path: Path) -> Iterator[Callable[[Image], Path]]:
    """The image's layers as overlayfs merges them, mounted read-only."""
    target = tmp_path / "merged"
    target.mkdir()
    mounted: list[Path] = []

    def mount(image: Image) -> Path:
        lower = ":".join(str(path) for path in (*store.layer_paths(image), tmp_path / "images/incoming"))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower}", target], check=True)
        mounted.append(target)
        return target

    yield mount
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.fixture
def unpack(store: ImageStore, load: Load) -> Callable[..., list[Path]]:
    """Load an image of these layers; the folders of its layers, lowest first."""

    def unpacked(*layers: bytes) -> list[Path]:
        (image,) = load(images.docker_archive(images.build("x:1", layers)))
        return store.layer_paths(image)[::-1]

    return unpacked


Unpack = Callable[..., list[Path]]


def test_whiteouts_hide_exactly_what_they_name(load: Load, merged: Callable[[Image], Path]) -> None:
    (image,) = load(images.docker_archive(images.layered()))
    root = merged(image)
    assert sorted(os.listdir(root / "data")) == ["dir", "kept"]
    assert (root / "data/kept").read_bytes() == b"new"
    assert os.listdir(root / "data/dir") == ["inner"]
    assert sorted(os.listdir(root / "hidden")) == ["after", "link"]
    assert (root / "bin/busybox").exists()


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_a_whiteout_spares_its_own_layer_wherever_it_stands(
    load: Load, merged: Callable[[Image], Path], is_first: bool
) -> None:
    below = images.layer(images.directory("d"), images.file("d/old"), images.file("f", b"old"))
    marks = [images.whiteout("d"), images.whiteout("f")]
    own = [images.directory("d"), images.file("d/new"), images.file("f", b"new")]
    above = images.layer(*(marks + own if is_first else own + marks))
    (image,) = load(images.docker_archive(images.build("x:1", [below, above])))
    root = merged(image)
    assert os.listdir(root / "d") == ["new"]
    assert (root / "f").read_bytes() == b"new"


def test_owner_mode_time_and_kind_are_kept(unpack: Unpack) -> None:
    (root,) = unpack(
        images.layer(
            images.directory("d", mode=0o3711, owner=5),
            images.file("d/suid", b"x", mode=0o4711, owner=6),
            images.symlink("d/link", "/nowhere"),
            images.fifo("d/pipe"),
            images.device("d/null", 1, 3),
            images.hard_link("d/again", "d/suid"),
            images.file("ü \n*", b"y"),
        )
    )
    folder, suid, link = (root / "d").lstat(), (root / "d/suid").lstat(), (root / "d/link").lstat()
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o3711, 5, 5)
    assert (stat.S_IMODE(suid.st_mode), suid.st_uid, suid.st_gid, suid.st_nlink) == (0o4711, 6, 6, 2)
    assert {info.st_mtime for info in (folder, suid, link)} == {1_700_000_000}
    assert stat.S_ISFIFO((root / "d/pipe").lstat().st_mode)
    assert (root / "d/null").lstat().st_rdev == os.makedev(1, 3)
    assert (root / "ü \n*").read_bytes() == b"y"


def test_file_capabilities_survive_the_change_of_owner(unpack: Unpack) -> None:
    net_raw = "\x01\x00\x00\x02\x00 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    layer = images.layer(images.file("ping", b"x", owner=9, xattrs={"security.capability": net_raw}))
    (root,) = unpack(layer)
    assert os.getxattr(root / "ping", "security.capability") == net_raw.encode()


def test_a_later_entry_replaces_an_earlier_one_of_any_kind(unpack: Unpack) -> None:
    (root,) = unpack(
        images.layer(
            images.file("a", b"file"),
            images.directory("a"),
            images.file("a/in", b"1"),
            images.directory("b"),
            images.file("b/in", b"2"),
            images.symlink("b", "a"),
            images.symlink("c", "a"),
            images.file("c", b"file"),
            images.file("e", b"old"),
            images.hard_link("f", "e"),
            images.file("e", b"new"),
            images.directory("g", mode=0o700),
            images.file("g/kept", b"3"),
            images.directory("g", mode=0o711),
        )
    )
    assert (root / "a/in").read_bytes() == b"1"
    assert (root / "b").readlink() == Path("a")
    assert (root / "c").read_bytes() == b"file"
    assert (root / "e").read_bytes() == b"new"
    assert (root / "f").read_bytes() == b"old"
    assert stat.S_IMODE((root / "g").stat().st_mode) == 0o711
    assert (root / "g/kept").read_bytes() == b"3"


def test_links_inside_the_layer_are_followed(unpack: Unpack) -> None:
    (root,) = unpack(
        images.layer(images.directory("usr/lib"), images.symlink("lib", "usr/lib"), images.file("lib/so", b"x"))
    )
    assert (root / "usr/lib/so").read_bytes() == b"x"


def test_a_directory_nobody_describes_is_as_the_layers_below_have_it(unpack: Unpack) -> None:
    _, top = unpack(
        images.layer(images.directory("tmp", mode=0o1777, owner=3), images.directory("home", owner=4)),
        images.layer(images.file("tmp/deep/f"), images.file("home/f"), images.file("other/f")),
    )
    facts = {name: (top / name).stat() for name in ("tmp", "tmp/deep", "home", "other")}
    assert {name: (oct(stat.S_IMODE(info.st_mode)), info.st_uid) for name, info in facts.items()} == {
        "tmp": ("0o1777", 3),
        "tmp/deep": ("0o755", 0),
        "home": ("0o755", 4),
        "other": ("0o755", 0),
    }


def test_sparse_files_take_no_room_for_their_holes(store: ImageStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "disk").open("wb") as file:
        file.seek(64 << 20)
        file.write(b"end")
    tarball = subprocess.run(["tar", "-C", source, "--sparse", "-cf", "-", "."], check=True, capture_output=True).stdout
    image = store.import_rootfs(io.BytesIO(tarball), reference="sparse")
    (root,) = store.layer_paths(image)
    info = (root / "disk").stat()
    assert info.st_size == (64 << 20) + 3
    assert info.st_blocks * 512 < 1 << 20
    assert image.size_bytes < 1 << 20
    assert (root / "disk").read_bytes()[-3:] == b"end"


def test_a_tree_of_many_kinds_is_what_tar_itself_unpacks(store: ImageStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["cp", "-a", "/etc", source], check=True)
    tarball, expected = tmp_path / "tarball", tmp_path / "expected"
    expected.mkdir()
    subprocess.run(["tar", "--numeric-owner", "-C", source, "-cf", tarball, "."], check=True)
    subprocess.run(["tar", "--numeric-owner", "-C", expected, "-xpf", tarball], check=True)
    with tarball.open("rb") as file:
        (root,) = store.layer_paths(store.import_rootfs(file, reference="etc"))
    assert facts_of(root) == facts_of(expected)


def facts_of(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything about every file of a tree."""
    facts: dict[str, tuple[object, ...]] = {}
    for path in (root, *root.rglob("*")):
        info = path.lstat()
        is_file = stat.S_ISREG(info.st_mode)
        content = path.read_bytes() if is_file else os.readlink(path) if path.is_symlink() else b""
        owner = (info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns)
        facts[str(path.relative_to(root))] = (*owner, content, info.st_nlink if is_file else 0)
    return facts
