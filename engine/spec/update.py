"""What may be changed of a container that exists, whether it runs or not."""

from dataclasses import dataclass, field, replace
from typing import Self

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.container import ContainerSpec
from engine.spec.life import RestartPolicy
from engine.spec.resources import ResourcesChange


@dataclass(frozen=True)
class Update:
    """`None` leaves as it is. `device_cgroup_rules` are all that count from then on, beside the usual ones."""

    resources: ResourcesChange = field(default_factory=lambda: ResourcesChange({}))
    device_cgroup_rules: tuple[str, ...] | None = None
    restart: RestartPolicy | None = None

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read an object with any of these keys; InvalidSpec names an unknown or wrongly typed one."""
        if not isinstance(value, dict):
            raise InvalidSpec("update", "must be an object")
        rest = {key: item for key, item in value.items() if key != "resources"}
        resources = ResourcesChange.from_json(value.get("resources", {}))
        return replace(codec.from_json(cls, rest), resources=resources)

    def apply(self, spec: ContainerSpec) -> ContainerSpec:
        """The specification as it is afterwards, checked. Raises InvalidSpec."""
        rules = spec.device_cgroup_rules if self.device_cgroup_rules is None else self.device_cgroup_rules
        restart = spec.restart if self.restart is None else self.restart
        resources = self.resources.apply(spec.resources)
        changed = replace(spec, resources=resources, device_cgroup_rules=rules, restart=restart)
        changed.validate()
        return changed
