"""Who may have which volumes made, and what is written down of it."""

from typing import Any

import pytest

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.errors import Invalid, NotPermitted
from panel.hosts.models import Host
from panel.volumes import services
from tests.panel.conftest import acting

OF_THE_HOST = [
    {"type": "none", "o": "bind", "device": "/etc"},
    {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/x"},
    {"type": "ext4", "device": "/dev/sda"},
    {"type": 7},
]


@pytest.mark.parametrize("options", OF_THE_HOST)
def test_only_an_admin_makes_volumes_of_the_hosts_own(operator: User, local: Host, options: dict[str, Any]) -> None:
    with pytest.raises(NotPermitted, match=r"containers\.create_privileged for options"):
        services.create(actor=acting(operator), host=local, name="far", spec={"options": options})
    row = AuditEntry.objects.get()
    assert (row.action, row.outcome) == ("volumes.create", "denied")


def test_memory_and_a_size_are_anybodys_who_may_make_volumes(admin: User, operator: User, local: Host) -> None:
    for spec in ({"options": {"type": "tmpfs", "device": "tmpfs", "o": "size=5m"}}, {"size_bytes": 1 << 30, "uid": 7}):
        made = services.create(actor=acting(operator), host=local, name="mine", spec=spec)
        assert made.payload["spec"].items() >= spec.items()
    assert services.create(actor=acting(admin), host=local, spec={"options": OF_THE_HOST[0]}).kind == "volumes.create"


@pytest.mark.parametrize(
    ("spec", "field"),
    [({"driver": "x"}, "driver"), ({"options": {"type": 7}}, "options.type"), ({"size_bytes": 1}, "size_bytes")],
)
def test_what_makes_no_sense_is_refused_before_anything_is_begun(
    admin: User, local: Host, spec: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        services.create(actor=acting(admin), host=local, spec=spec)
    assert refused.value.field == field


def test_a_size_that_cannot_be_is_refused(operator: User, local: Host) -> None:
    with pytest.raises(Invalid):
        services.resize(actor=acting(operator), host=local, name="mine", size_bytes=0)
    assert services.resize(actor=acting(operator), host=local, name="mine", size_bytes=1 << 30).kind == "volumes.resize"
