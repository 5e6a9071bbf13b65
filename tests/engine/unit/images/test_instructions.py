"""Dockerfile instructions that change an image's configuration."""

from typing import Any

import pytest

from engine.errors import InvalidSpec
from engine.images.instructions import apply

BASE = {"Env": ["A=1", "HOME=/root"], "Cmd": ["sh"], "WorkingDir": "/srv"}


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ('CMD ["a", "b c"]', "Cmd", ["a", "b c"]),
        ("cmd echo $HOME", "Cmd", ["/bin/sh", "-c", "echo $HOME"]),
        ("CMD []", "Cmd", []),
        ('ENTRYPOINT ["x"]', "Entrypoint", ["x"]),
        ("ENTRYPOINT run it", "Entrypoint", ["/bin/sh", "-c", "run it"]),
        ("ENV B=2 A=3", "Env", ["A=3", "HOME=/root", "B=2"]),
        ("ENV B two words", "Env", ["A=1", "HOME=/root", "B=two words"]),
        ("ENV B=\"x y\" C=z\\ w D='$A'", "Env", ["A=1", "HOME=/root", "B=x y", "C=z w", "D=$A"]),
        ("ENV P=$HOME/bin:${A}", "Env", ["A=1", "HOME=/root", "P=/root/bin:1"]),
        ("ENV E=", "Env", ["A=1", "HOME=/root", "E="]),
        ("EXPOSE 80 53/udp 80-81", "ExposedPorts", {"80/tcp": {}, "53/udp": {}, "81/tcp": {}}),
        ('LABEL "a b"=c d="e f"', "Labels", {"a b": "c", "d": "e f"}),
        ("USER 1000:1000", "User", "1000:1000"),
        ('VOLUME ["/a b", "/c"]', "Volumes", {"/a b": {}, "/c": {}}),
        ("VOLUME /a /c", "Volumes", {"/a": {}, "/c": {}}),
        ("WORKDIR sub/../dir", "WorkingDir", "/srv/dir"),
        ("WORKDIR $HOME/x", "WorkingDir", "/root/x"),
        ("STOPSIGNAL SIGUSR1", "StopSignal", "SIGUSR1"),
        ("ONBUILD RUN make", "OnBuild", ["RUN make"]),
        ("HEALTHCHECK NONE", "Healthcheck", {"Test": ["NONE"]}),
        (
            "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f x",
            "Healthcheck",
            {"Interval": 90 * 10**9, "Timeout": 500 * 10**6, "Retries": 3, "Test": ["CMD-SHELL", "curl -f x"]},
        ),
        ('HEALTHCHECK CMD ["check"]', "Healthcheck", {"Test": ["CMD", "check"]}),
    ],
)  # fmt: skip
def test_an_instruction_changes_what_it_names(change: str, key: str, value: Any) -> None:
    assert apply([change], BASE)[key] == value
    assert BASE["Cmd"] == ["sh"], "what was given stays as it was"


def test_a_new_entrypoint_silences_the_old_command_but_not_a_new_one() -> None:
    assert "Cmd" not in apply(['ENTRYPOINT ["x"]'], BASE)
    assert apply(['CMD ["y"]', 'ENTRYPOINT ["x"]'], BASE)["Cmd"] == ["y"]


def test_later_instructions_see_what_earlier_ones_set() -> None:
    assert apply(["ENV D=/data", "WORKDIR $D", "WORKDIR x"], BASE)["WorkingDir"] == "/data/x"


@pytest.mark.parametrize(
    "change",
    [
        "RUN make", "", "ENV", "ENV =x", "ENV A=1 B", "LABEL a='x", "EXPOSE http", "EXPOSE 70000", "EXPOSE 9-8", "USER",
        "USER a b", "WORKDIR", "STOPSIGNAL SIGNONE", "ONBUILD FROM x", "ONBUILD", "HEALTHCHECK",
        "HEALTHCHECK --x=1 NONE",
        "HEALTHCHECK --interval=soon CMD x", "HEALTHCHECK CMD", "CMD", "VOLUME", 'VOLUME [""]',
    ],
)  # fmt: skip
def test_what_is_no_such_instruction_is_refused_by_its_number(change: str) -> None:
    with pytest.raises(InvalidSpec, match=r"changes\[1\]"):
        apply(["USER 1", change], BASE)
