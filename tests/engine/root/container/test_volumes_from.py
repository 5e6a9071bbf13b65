"""volumes_from: a container has what another has mounted, by id, by name, and only to be read where that is asked."""

from pathlib import Path

import pytest

from engine import ContainerSpec, ExecSpec, InvalidSpec, Mount, MountType
from tests.services.host import Host

SLEEP = ("sleep", "60")


@pytest.fixture
def source(host: Host, tmp_path: Path) -> str:
    """A container with a volume of its own, one by name, a bind that is only read, and memory."""
    (tmp_path / "file").write_text("bound\n")
    mounts = (
        Mount(MountType.VOLUME, "/own"),
        Mount(MountType.VOLUME, "/named", "shared-by-two"),
        Mount(MountType.BIND, "/bound", str(tmp_path), read_only=True),
        Mount(MountType.TMPFS, "/memory"),
    )
    return host.start("sh", "-c", "echo one > /own/file; echo two > /named/file; exec sleep 60", mounts=mounts)


def test_binds_and_volumes_come_along_and_memory_does_not(host: Host, source: str) -> None:
    script = "cat /own/file /named/file /bound/file; ls /memory; echo new > /own/new; touch /bound/new"
    _, output = host.finish("sh", "-c", script, volumes_from=(host.engine.state(source).name,))
    assert output.splitlines()[:3] == ["one", "two", "bound"]
    assert "/memory: No such file" in output
    assert "/bound/new: Read-only file system" in output
    assert host.finish("cat", "/own/new", volumes_from=(source[:20],))[1] == "new\n"


def test_with_ro_nothing_of_it_can_be_written(host: Host, source: str) -> None:
    _, output = host.finish("touch", "/own/x", "/named/x", volumes_from=(f"{source}:ro",))
    assert output.count("Read-only file system") == 2


def test_its_own_mounts_come_first_and_then_the_first_container(host: Host, source: str) -> None:
    other = host.start(*SLEEP, mounts=(Mount(MountType.VOLUME, "/own"), Mount(MountType.VOLUME, "/more")))
    own = Mount(MountType.TMPFS, "/named")
    _, output = host.finish("sh", "-c", "ls /own /named /more", mounts=(own,), volumes_from=(source, other))
    assert output.split() == ["/more:", "/named:", "/own:", "file"]


def test_what_came_along_goes_on_to_the_next_and_stays_when_the_first_is_removed(host: Host, source: str) -> None:
    second = host.start(*SLEEP, volumes_from=(source,))
    assert host.finish("cat", "/own/file", "/bound/file", volumes_from=(second,))[1] == "one\nbound\n"
    host.engine.remove(source, force=True, with_volumes=True)
    with host.engine.exec(second, ExecSpec(("cat", "/own/file"))) as running:
        assert running.wait(20).exit_code == 0
    script = "cat /own/file /named/file /bound/file; ls /memory; touch /bound/new"
    third = host.create("sh", "-c", script, volumes_from=(f"{second}:rw",))
    host.engine.remove(second, force=True)
    host.engine.start(third)
    host.wait(third)
    output = host.output(third)
    assert output.splitlines()[:3] == ["one", "two", "bound"]
    assert "/memory: No such file" in output
    assert "/bound/new: Read-only file system" in output


def test_a_container_that_is_not_there_is_told_by_its_place(host: Host) -> None:
    with pytest.raises(InvalidSpec) as refused:
        host.create(*SLEEP, volumes_from=("nobody:ro",))
    assert refused.value.field == "volumes_from[0]"


@pytest.mark.parametrize("entry", ["", ":ro", "web:rx", "web:ro:z"])
def test_nonsense_is_refused_before_any_host_is_asked(entry: str) -> None:
    with pytest.raises(InvalidSpec, match="is not the name of a container"):
        ContainerSpec("any", "any", volumes_from=(entry,)).validate()
