"""What is mounted into a container (config.md, "Mounts")."""

from dataclasses import dataclass, field

from engine.spec import codec


@dataclass(frozen=True)
class IdMapping:
    """`size` ids from `container_id` on are those from `host_id` on outside."""

    container_id: int = field(metadata=codec.key("containerID"))
    host_id: int = field(metadata=codec.key("hostID"))
    size: int


@dataclass(frozen=True)
class Mount:
    """`mounts[]`, in order; options as mount(8) writes them. Mappings make an idmapped mount."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
