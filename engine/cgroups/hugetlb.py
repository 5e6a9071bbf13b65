"""The hugetlb controller: how much memory in huge pages of each size (cgroup-v1/hugetlb.rst, cgroup-v2.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Resources


def v1(resources: Resources, has_file: HasFile) -> list[Setting]:
    """Settings."""
    return _settings(resources, has_file, "limit_in_bytes", "-1")


def v2(resources: Resources, has_file: HasFile) -> list[Setting]:
    """Settings."""
    return _settings(resources, has_file, "max", "max")


def _settings(resources: Resources, has_file: HasFile, word: str, cleared: str) -> list[Setting]:
    """Pages in use, and where the kernel counts them also reserved ones, whose lack would else be a SIGBUS."""
    found = []
    for item in resources.hugepage_limits:
        files = (f"hugetlb.{item.page_size}.{word}", f"hugetlb.{item.page_size}.rsvd.{word}")
        found += [Setting(file, str(item.limit), cleared) for file in files if file == files[0] or has_file(file)]
    return found
