"""The v1 controllers net_cls and net_prio: what leaves gets a class and priorities (net_cls.rst, net_prio.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Network, Resources


def classes(resources: Resources, _: HasFile) -> list[Setting]:
    """The setting of net_cls."""
    network = resources.network or Network()
    return [] if network.class_id is None else [Setting("net_cls.classid", str(network.class_id), "0")]


def priorities(resources: Resources, _: HasFile) -> list[Setting]:
    """The settings of net_prio."""
    network = resources.network or Network()
    return [
        Setting("net_prio.ifpriomap", f"{item.name} {item.priority}", f"{item.name} 0", item.name)
        for item in network.priorities
    ]
