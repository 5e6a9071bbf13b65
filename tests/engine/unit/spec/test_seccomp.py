"""Seccomp profiles as Docker's users write them: what is refused, and which rules count where."""

import json
from typing import Any

import pytest

from engine.errors import InvalidSpec
from engine.spec import seccomp

RULE: dict[str, Any] = {"names": ["mount"], "action": "SCMP_ACT_ALLOW"}


def profile(*rules: dict[str, Any], **more: Any) -> str:
    return json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [RULE | rule for rule in rules], **more})


def names(text: str, *capabilities: str, machine: str = "x86_64", release: str = "6.1.0-13-amd64") -> list[str]:
    section = seccomp.profile_for(text, frozenset(capabilities), machine, release)
    assert section is not None
    return [name for rule in section.syscalls for name in rule.names]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[]", "seccomp"),
        ("{", "seccomp"),
        (profile(nosuch=1), "seccomp.nosuch"),
        (profile({"nosuch": 1}), "seccomp.syscalls[0].nosuch"),
        (profile({"includes": {"cap": ["CAP_KILL"]}}), "seccomp.syscalls[0].includes.cap"),
        (profile({"includes": {"minKernel": "new"}}), "seccomp.syscalls[0].includes.minKernel"),
        (profile({}, {"name": "read"}), "seccomp.syscalls[1].names"),
        (profile({"names": []}), "seccomp.syscalls[0].names"),
        (profile({"action": "SCMP_ACT_MAYBE"}), "seccomp.syscalls[0].action"),
        (profile({"errnoRet": 1}), "seccomp.syscalls[0].errnoRet"),
        (profile({"args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}), "seccomp.syscalls[0].args[0].index"),
        (profile({"args": [{"index": 0, "value": 1, "op": "="}]}), "seccomp.syscalls[0].args[0].op"),
        (profile(flags=["SECCOMP_FILTER_FLAG_NO"]), "seccomp.flags[0]"),
        (profile({"action": "SCMP_ACT_NOTIFY"}), "seccomp.listenerPath"),
        (profile({"action": "SCMP_ACT_NOTIFY"}, listenerPath="/run/x.sock"), "seccomp.listenerPath"),
        (
            profile(architectures=["SCMP_ARCH_X86"], archMap=[{"architecture": "SCMP_ARCH_X86_64"}]),
            "seccomp.archMap",
        ),
    ],
)
def test_what_is_no_profile_is_refused_by_the_name_of_its_field(text: str, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        seccomp.check(text)
    assert caught.value.field == field


def test_nothing_is_the_default_profile_and_unconfined_is_none() -> None:
    for text in ("", seccomp.UNCONFINED):
        seccomp.check(text)
    assert seccomp.profile_for(seccomp.UNCONFINED, frozenset(), "x86_64", "6.1") is None
    assert "read" in names("")
    assert "mount" not in names("")
    assert "mount" in names("", "CAP_SYS_ADMIN")


def test_rules_count_by_capability_architecture_and_kernel() -> None:
    text = profile(
        {"includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["a"], "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["b"], "includes": {"arches": ["arm64"]}},
        {"names": ["c"], "excludes": {"arches": ["arm64"]}},
        {"names": ["d"], "includes": {"minKernel": "6.2"}},
        {"names": [], "name": "e"},
    )
    assert names(text) == ["a", "c", "e"]
    assert names(text, "CAP_SYS_ADMIN") == ["mount", "c", "e"]
    assert names(text, machine="aarch64", release="6.10.1") == ["a", "b", "d", "e"]


def test_architectures_come_from_the_map_or_the_list() -> None:
    mapped = profile(archMap=[{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}])
    listed = profile(architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"], flags=["SECCOMP_FILTER_FLAG_LOG"])
    for text, wanted in ((mapped, "SCMP_ARCH_X86"), (listed, "SCMP_ARCH_X32")):
        section = seccomp.profile_for(text, frozenset(), "x86_64", "6.1")
        assert section is not None
        assert section.architectures == ("SCMP_ARCH_X86_64", wanted)
