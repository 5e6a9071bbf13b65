"""OCI documents: the specification's own key names, nothing empty written, unknown keys read over."""

from dataclasses import replace

from engine.spec.runtime import Linux, Memory, Process, Resources, Root, Spec
from tests.engine.unit.spec.complete import CONFIG

SPEC = Spec(
    oci_version="1.2.0",
    process=Process(args=("sh",), cwd="/", no_new_privileges=True),
    root=Root("rootfs"),
    linux=Linux(cgroups_path="/moorage/x", resources=Resources(memory=Memory(limit=1))),
)


def test_keys_are_written_as_the_specification_writes_them() -> None:
    value = SPEC.to_json()
    assert value["ociVersion"] == "1.2.0"
    assert value["process"]["noNewPrivileges"] is True
    assert value["linux"]["cgroupsPath"] == "/moorage/x"


def test_what_is_empty_is_left_out() -> None:
    value = SPEC.to_json()
    assert "hostname" not in value
    assert "terminal" not in value["process"]
    assert value["linux"]["resources"] == {"memory": {"limit": 1}}


def test_a_number_is_written_even_if_it_is_nought() -> None:
    value = replace(SPEC.process, oom_score_adj=0)
    written = replace(SPEC, process=value).to_json()["process"]
    assert (written["oomScoreAdj"], written["user"]) == (0, {"uid": 0, "gid": 0})


def test_a_document_with_keys_of_a_newer_version_is_read() -> None:
    assert Spec.from_json(SPEC.to_json() | {"landlock": {"rules": []}}) == SPEC


def test_every_field_of_the_specification_is_read_and_written() -> None:
    assert Spec.from_json(CONFIG).to_json() == CONFIG


def test_what_a_program_in_go_writes_for_nothing_is_nothing() -> None:
    value = SPEC.to_json() | {"hooks": None, "mounts": None}
    assert Spec.from_json(value) == SPEC
