"""Files of containers and volumes looked at and changed from outside, running and stopped."""

import io
import stat
import tarfile
from collections.abc import Callable

import pytest

from engine import AccessChange, Conflict, Files, FolderQuery, InvalidSpec, Mount, MountType, NotFound
from tests.services.host import Host
from tests.services.processes import wait_until

SCRIPT = r"""
mkdir -p /d/in /d/many; echo text > /d/in/file; chmod 640 /d/in/file; chown 7:8 /d/in/file; ln -s in /d/link
ln -s /d/in/file /d/far; ln -s nowhere /d/dead; mkfifo /d/pipe; printf '\0bin' > /d/binary; printf 'caf\351' > /d/latin
touch "$(printf '/d/many/caf\351')" "$(printf '/d/many/two\nlines')" /d/many/b /d/many/A /d/many/c
echo 'sailor:x:7:8::/:/bin/sh' >> /etc/passwd; echo 'crew:x:8:' >> /etc/group
"""


def listed(files: Files, path: str, **query: object) -> list[str]:
    return [entry.name for entry in files.list(FolderQuery(path, **query)).entries]  # type: ignore[arg-type]


def text(files: Files, path: str) -> str:
    with files.read(path) as stream:
        return b"".join(stream).decode()


@pytest.fixture(params=["running", "stopped"], scope="module")
def files(request: pytest.FixtureRequest, host: Host) -> Files:
    """Those of a container whose script has run, and that runs on or has ended; a volume is mounted on /v."""
    mounts = (Mount(MountType.VOLUME, "/v", f"v-{request.param}"),)
    is_running = request.param == "running"
    script = f"{SCRIPT}\necho kept > /v/kept\necho done{'; exec sleep 600' if is_running else ''}"
    container = host.start("sh", "-c", script, mounts=mounts)
    wait_until(lambda: "done" in host.output(container), "it has written")
    if not is_running:
        assert host.wait(container).exit_code == 0
    return host.engine.container_files(container)


@pytest.fixture
def volume(host: Host) -> Files:
    """Those of a volume of its own."""
    host.engine.create_volume("browsed")
    return host.engine.volume_files("browsed")


@pytest.mark.v2
def test_a_folder_is_listed_with_owners_as_they_are_seen_inside(files: Files) -> None:
    page = files.list(FolderQuery("/d/link"))
    assert (page.path, [crumb.name for crumb in page.crumbs], page.total) == ("/d/in", ["d", "in"], 1)
    [file] = page.entries
    assert (file.path, file.type, file.mode, file.size_bytes) == ("/d/in/file", "file", 0o640, 5)
    assert (file.uid, file.gid, file.user, file.group) == (7, 8, "sailor", "crew")
    found = {entry.name: entry for entry in files.list(FolderQuery("/d")).entries}
    assert (found["link"].type, found["link"].target, found["link"].leads_to) == ("link", "in", "folder")
    assert (found["far"].leads_to, found["dead"].leads_to, found["pipe"].type) == ("file", "", "pipe")
    assert {entry.name for entry in files.list(FolderQuery("/")).entries if entry.is_mount} >= {"v"}


def test_pages_of_a_folder_follow_each_other_in_every_order(files: Files) -> None:
    names = ["A", "b", "c", "caf\ufffd", "two\nlines"]
    assert listed(files, "/d/many") == names
    assert listed(files, "/d/many", descending=True) == names[::-1]
    assert listed(files, "/d/many", search="B") == ["b"]
    for sort in ("name", "size", "modified"):
        seen, after = [], ""
        while True:
            page = files.list(FolderQuery("/d/many", sort=sort, limit=2, after=after))
            seen += [entry.name for entry in page.entries]
            after = page.next
            if not after:
                break
        assert sorted(seen) == sorted(names)
    with pytest.raises(InvalidSpec, match="after"):
        files.list(FolderQuery("/d/many", after="nonsense"))


def test_a_name_that_is_no_text_has_an_address_all_the_same(files: Files) -> None:
    [entry] = [entry for entry in files.list(FolderQuery("/d/many")).entries if "\ufffd" in entry.name]
    assert entry.path.startswith("=")
    assert files.stat(entry.path) == entry
    assert files.view(entry.path).text == ""


def test_files_are_shown_as_what_they_are(files: Files) -> None:
    view = files.view("/d/far")
    assert (view.text, view.encoding, view.is_binary, view.is_truncated) == ("text\n", "utf-8", False, False)
    assert (files.view("/d/latin").text, files.view("/d/latin").encoding) == ("caf\xe9", "latin-1")
    assert files.view("/d/binary").is_binary
    with pytest.raises(Conflict, match="no file with contents"):
        files.view("/d/pipe")
    with pytest.raises(NotFound):
        files.view("/d/dead")


def test_a_folder_is_read_as_a_tar(files: Files) -> None:
    with files.pack("/d/link") as stream, tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        assert {item.name: (item.uid, item.gid) for item in tar}["in/file"] == (7, 8)


@pytest.mark.v2
def test_what_is_written_belongs_to_the_root_inside(files: Files) -> None:
    made = files.put("/d/new", io.BytesIO(b"one"))
    assert (made.uid, made.gid, made.mode, text(files, "/d/new")) == (0, 0, 0o644, "one")
    folder = files.make_folder("/d/fresh")
    assert (folder.type, folder.uid, folder.mode) == ("folder", 0, 0o755)
    with pytest.raises(Conflict, match="is there already"):
        files.put("/d/new", io.BytesIO(b"two"))
    with pytest.raises(Conflict, match="is there already"):
        files.make_folder("/d/fresh")
    files.remove(["/d/new", "/d/fresh"])
    with pytest.raises(NotFound):
        files.stat("/d/new")


def test_a_file_that_is_replaced_keeps_owner_and_mode_and_a_change_meanwhile_is_told(files: Files) -> None:
    digest = files.view("/d/far").digest
    files.put("/d/far", io.BytesIO(b"mine"), replaces=True, digest=digest)
    entry = files.stat("/d/in/file")
    assert (entry.uid, entry.gid, entry.mode, entry.size_bytes) == (7, 8, 0o640, 4)
    assert files.stat("/d/far").type == "link"
    with pytest.raises(Conflict, match="changed since"):
        files.put("/d/far", io.BytesIO(b"theirs"), replaces=True, digest=digest)
    files.put("/d/far", io.BytesIO(b"text\n"), replaces=True)


def test_a_file_that_is_mounted_is_written_where_it_is(files: Files) -> None:
    before = files.view("/etc/hosts").text
    files.put("/etc/hosts", io.BytesIO(before.encode() + b"# more\n"), replaces=True)
    assert files.view("/etc/hosts").text == before + "# more\n"


def test_folders_of_the_image_and_files_of_other_file_systems_can_be_moved(files: Files) -> None:
    files.put("/d/moved", io.BytesIO(b"across"))
    files.move("/d/moved", "/v/moved")
    assert text(files, "/v/moved") == "across"
    before = listed(files, "/bin")
    files.move("/bin", "/bin2")
    assert listed(files, "/bin2") == before
    files.move("/bin2", "/bin")
    with pytest.raises(Conflict, match="invalid"):
        files.move("/d", "/d/in/d")
    with pytest.raises(Conflict, match="there already"):
        files.move("/d/in/file", "/d/binary")


def test_what_is_mounted_is_neither_moved_nor_removed(files: Files) -> None:
    would = files.removable(["/v", "/etc"])
    assert {"/v", "/etc/hosts"} <= set(would.mounts)
    for refused in (lambda: files.remove(["/v"]), lambda: files.remove(["/etc"]), lambda: files.move("/v", "/w")):
        with pytest.raises(Conflict, match="mounted"):
            refused()
    assert text(files, "/v/kept") == "kept\n"
    assert files.stat("/etc/passwd").type == "file"


def test_modes_and_owners_are_changed_by_the_names_inside(files: Files) -> None:
    files.make_folder("/d/own")
    files.put("/d/own/file", io.BytesIO(b""))
    files.change_access(["/d/own"], AccessChange("4750", "sailor", "crew", is_recursive=True))
    for path in ("/d/own", "/d/own/file"):
        entry = files.stat(path)
        assert (entry.mode, entry.user, entry.group) == (0o4750, "sailor", "crew")
    files.change_access(["/d/dead"], AccessChange(owner="7"))
    assert files.stat("/d/dead").uid == 7
    for mode, owner in (("9", ""), ("", "nobody-here"), ("", "4294967295"), ("", "")):
        with pytest.raises(InvalidSpec):
            files.change_access(["/d/own"], AccessChange(mode, owner))
    files.remove(["/d/own"])


@pytest.mark.parametrize("path", ["", "relative", "/a\0b", "=", "=bm8", "=%%"])
def test_what_is_no_address_is_refused(volume: Files, path: str) -> None:
    with pytest.raises(InvalidSpec, match="path"):
        volume.stat(path)
    with pytest.raises(InvalidSpec, match="path"):
        volume.list(FolderQuery(path))


@pytest.mark.parametrize("path", ["/", "/..", "/a/..", "/."])
def test_what_names_no_entry_cannot_be_changed(volume: Files, path: str) -> None:
    changes: list[Callable[[], object]] = [
        lambda: volume.remove([path]),
        lambda: volume.move(path, "/x"),
        lambda: volume.make_folder(path),
        lambda: volume.change_access([path], AccessChange("700")),
    ]
    for change in changes:
        with pytest.raises((InvalidSpec, NotFound)):
            change()


def test_a_read_only_tree_is_read_but_refuses_with_why(host: Host) -> None:
    container = host.start("sleep", "600", read_only=True)
    files = host.engine.container_files(container)
    assert not files.list(FolderQuery("/etc")).is_writable
    with pytest.raises(Conflict, match="read-only"):
        files.put("/etc/new", io.BytesIO(b""))
    with pytest.raises(Conflict, match="read-only"):
        files.remove(["/etc/passwd"])
    host.engine.remove(container, force=True)


def test_a_volume_of_the_name_has_to_be_there(host: Host) -> None:
    for name in ("not-there", "../images", ".hidden"):
        with pytest.raises(NotFound, match="no volume"):
            host.engine.volume_files(name).list(FolderQuery())


def test_the_longest_name_there_is_can_be_used_and_a_longer_one_is_told(volume: Files) -> None:
    longest = "/" + "x" * 255
    volume.put(longest, io.BytesIO(b""))
    assert stat.S_IMODE(volume.stat(longest).mode) == 0o644
    with pytest.raises(InvalidSpec, match="at most 255"):
        volume.put(longest + "x", io.BytesIO(b""))
    volume.remove([longest])
