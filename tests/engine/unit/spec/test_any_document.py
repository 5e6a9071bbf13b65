"""Whatever a document says: it is a specification that can be run, or InvalidSpec names what is wrong with it."""

# ruff: noqa: PT017 - refused or not, both are right: `raises` knows only one

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from engine.container import bundle, bundle_mounts, plan
from engine.container.seccomp_filter import compile_filter
from engine.container.users import Identity
from engine.errors import InvalidSpec, Unsupported
from engine.spec import runtime
from engine.spec.container import ContainerSpec
from engine.spec.exec import ExecSpec
from engine.spec.runtime import checks
from engine.spec.update import Update
from tests.engine.unit.container.test_plan import BUNDLE, ID, IMAGE, V2
from tests.engine.unit.spec.complete import CONFIG
from tests.engine.unit.spec.nonsense import broken, names_field
from tests.engine.unit.spec.test_container import FULL

MORE: dict[str, Any] = {
    "restart": {"name": "no"},
    "restart_when_unhealthy": False,
    "runtime": "",
    "mounts": [
        {"type": "bind", "source": "/srv", "target": "/data", "read_only": True},
        {"type": "volume", "source": "vol", "target": "/v"},
        {"type": "tmpfs", "target": "/t"},
        {"type": "image", "source": "tools", "target": "/i"},
    ],
    "devices": [{"host_path": "/dev/null", "container_path": "/dev/nought"}],
    "device_cgroup_rules": ["c 189:* rwm"],
    "extra_hosts": ["quay:10.0.0.1"],
    "dns": ["10.0.0.2"],
    "dns_search": ["harbour.example"],
    "dns_options": ["ndots:2"],
    "masked_paths": ["/proc/keys"],
    "readonly_paths": [],
    "log": {"driver": "local", "options": {"max-size": "1m"}},
}
WHOLE = json.loads(json.dumps(FULL.to_json() | MORE))
IMAGES: dict[str, list[Path]] = defaultdict(lambda: [Path("/layer"), Path("/other")])
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_the_document_to_begin_with_is_right() -> None:
    assert ContainerSpec.from_json(WHOLE).mounts


def is_to_blame(error: InvalidSpec, kind: Any, document: Any, *, oci: bool = False) -> bool:
    """Whether it names a field there is, or a key that the document has and should not."""
    unknown = "is not a known field" in error.message or not isinstance(document, dict)
    return unknown or names_field(kind, error.field, oci=oci)


@MANY
@given(broken(WHOLE))
def test_a_container_can_be_compiled_or_is_refused_by_field(document: Any) -> None:
    try:
        spec = ContainerSpec.from_json(document)
        mounts = bundle_mounts.mounts(spec, BUNDLE, {mount.target: Path("/vol") for mount in spec.mounts}, IMAGES)
        oci = bundle.make(ID, spec, IMAGE, Identity(0, 0, (), "/root"), f"/moorage/{ID}", mounts)
    except InvalidSpec as error:
        assert is_to_blame(error, ContainerSpec, document), error.message
        assert error.message.encode()
    except Unsupported as error:
        assert error.message
    else:
        assert ContainerSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
        assert runtime.Spec.from_json(json.loads(json.dumps(oci.to_json()).encode())) == oci
        json.dumps(oci.to_json(), ensure_ascii=False).encode()


@MANY
@given(broken(CONFIG))
def test_a_bundle_can_be_compiled_or_is_refused_by_field(document: Any) -> None:
    try:
        spec = runtime.Spec.from_json(document)
        checks.check(spec)
        assert spec.linux.seccomp is None or compile_filter(spec.linux.seccomp)
        plan.prepare(spec, V2, Path("/b"))
        plan.process_of(spec)
    except InvalidSpec as error:
        assert names_field(runtime.Spec, error.field, oci=True) or not isinstance(document, dict), error.message
    except Unsupported as error:
        assert error.message


@MANY
@given(broken({"command": ["sh", "-c", "x"], "env": ["A=1"], "user": "1:2", "cwd": "/", "terminal": False}))
def test_an_exec_is_right_or_refused_by_field(document: Any) -> None:
    try:
        spec = ExecSpec.from_json(document)
    except InvalidSpec as error:
        assert is_to_blame(error, ExecSpec, document), error.message
    else:
        assert ExecSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@MANY
@given(broken({"memory_bytes": 1 << 30, "cpus": 1.5, "pids": 10, "hugepage_bytes": {"2MB": 1 << 21}}))
def test_an_update_is_right_or_refused_by_field(document: Any) -> None:
    try:
        changed = Update.from_json({"resources": document}).apply(FULL)
    except InvalidSpec as error:
        assert is_to_blame(error, ContainerSpec, document), error.message
    else:
        assert ContainerSpec.from_json(json.loads(json.dumps(changed.to_json()))) == changed
