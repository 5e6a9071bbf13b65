"""Whose files are meant: a container's or a volume's."""

from dataclasses import dataclass

from panel.audit.subject import Subject
from panel.containers.models import Container
from panel.hosts.choice import host_named


@dataclass(frozen=True)
class Place:
    """A container or a volume of the host named `host`; `path` is where its agent tells of its files."""

    subject: Subject
    host: str
    path: str
    container: Container | None = None

    @property
    def permission(self) -> str:
        """What reading and changing its files takes."""
        return "volumes.files" if self.container is None else "containers.files"


def of_container(container: Container) -> Place:
    """A container's files."""
    return Place(container.subject, container.host_id, f"containers/{container.pk}/files", container)


def of_volume(name: str) -> Place:
    """A volume's files; whether it is there its host says."""
    return Place(Subject("volume", name, name), host_named("").name, f"volumes/{name}/files")
