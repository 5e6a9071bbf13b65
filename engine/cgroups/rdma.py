"""The rdma controller: handles and objects of each RDMA device (cgroup-v1/rdma.rst; v2 is the same)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Resources


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings."""
    found = []
    for device, item in resources.rdma.items():
        limits = {"hca_handle": item.hca_handles, "hca_object": item.hca_objects}
        asked = [f"{name}={value}" for name, value in limits.items() if value is not None]
        cleared = " ".join(f"{name}=max" for name in limits)
        found.append(Setting("rdma.max", " ".join([device, *asked]), f"{device} {cleared}", device))
    return found


v2 = v1
