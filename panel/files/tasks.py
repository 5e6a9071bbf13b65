"""What a host does with the files of containers and volumes: one task, one verb of the engine."""

from engine import AccessChange, Files
from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.uploads.incoming import opened


@operation("files.put", asks_itself=True)
def put(
    work: Work, container: str, volume: str, path: str, upload: str, replaces: bool = False, digest: str = ""
) -> Outcome:
    """Write an uploaded file."""
    with opened(work, upload) as source:
        entry = _files(work, container, volume).put(path, source, replaces=replaces, digest=digest)
    return Outcome(result=entry.to_json())


@operation("files.make_folder")
def make_folder(work: Work, container: str, volume: str, path: str) -> Outcome:
    """Make a folder."""
    return Outcome(result=_files(work, container, volume).make_folder(path).to_json())


@operation("files.move")
def move(work: Work, container: str, volume: str, path: str, target: str) -> Outcome:
    """Move a file or folder."""
    return Outcome(result=_files(work, container, volume).move(path, target).to_json())


@operation("files.remove")
def remove(work: Work, container: str, volume: str, paths: list[str]) -> Outcome:
    """Remove files and folders."""
    _files(work, container, volume).remove(paths)
    return Outcome()


@operation("files.change_access")
def change_access(
    work: Work,
    container: str,
    volume: str,
    paths: list[str],
    mode: str = "",
    owner: str = "",
    group: str = "",
    is_recursive: bool = False,
) -> Outcome:
    """Change modes and owners."""
    _files(work, container, volume).change_access(paths, AccessChange(mode, owner, group, is_recursive))
    return Outcome()


def _files(work: Work, container: str, volume: str) -> Files:
    return work.engine.container_files(container) if container else work.engine.volume_files(volume)
