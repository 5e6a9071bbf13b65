"""Every change of state goes through one door."""

import importlib
import inspect
from pathlib import Path

import pytest

import panel
from panel.accounts.models import User
from panel.accounts.roles import PERMISSIONS
from panel.audit.models import AuditEntry
from panel.containers import services as containers
from panel.containers.models import Container
from panel.door import OWN, SERVICES
from panel.errors import NotPermitted
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from tests.panel.conftest import acting

# Called by services, inside their transaction and after their check.
BEHIND_THE_DOOR = {"panel.operations.services.request", "panel.audit.services.record"}
FOLDER = Path(panel.__file__).parent


def services() -> list[str]:
    """Every public function of every `services` module that takes an actor."""
    found = []
    for path in FOLDER.glob("*/services.py"):
        module = importlib.import_module(f"panel.{path.parent.name}.services")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            takes_actor = "actor" in inspect.signature(function).parameters
            if takes_actor and function.__module__ == module.__name__ and not name.startswith("_"):
                found.append(f"{module.__name__}.{name}")
    return found


@pytest.mark.parametrize("name", services())
def test_every_service_declares_a_permission_that_exists(name: str) -> None:
    assert name in BEHIND_THE_DOOR or SERVICES[name] in PERMISSIONS | {OWN}


@pytest.mark.parametrize("name", services())
def test_every_service_takes_keywords_only(name: str) -> None:
    module, _, function = name.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), function)).parameters.values()

    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_refusal_is_an_audit_row_and_changes_nothing(viewer: User, image: Image, local: Host) -> None:
    container = Container.objects.create(name="one", host=local, image="busybox", spec={})

    with pytest.raises(NotPermitted):
        containers.start(actor=acting(viewer), container=container)

    row = AuditEntry.objects.get()
    assert (row.outcome, row.action, row.actor_name) == ("denied", "containers.start", "vera")
    assert (row.object_kind, row.object_id, row.object_name) == ("container", container.id, "one")
    assert row.detail == "needs containers.operate"
    assert not Operation.objects.exists()


def test_a_change_that_fails_leaves_no_audit_row(operator: User, local: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container.objects.create(name="one", host=local, image="busybox", spec={})

    def fail(**arguments: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("panel.operations.services.request", fail)
    with pytest.raises(RuntimeError):
        containers.start(actor=acting(operator), container=container)

    container.refresh_from_db()
    assert container.desired == Container.Desired.STOPPED
    assert not AuditEntry.objects.exists()
