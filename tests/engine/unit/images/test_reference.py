"""Names of images are read as Docker reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSpec
from engine.images.reference import Reference

HEX = "0123456789abcdef" * 4

SHORT_AND_FULL = [
    ("busybox", "docker.io/library/busybox:latest"),
    ("busybox:1.36", "docker.io/library/busybox:1.36"),
    ("team/app", "docker.io/team/app:latest"),
    ("docker.io/busybox", "docker.io/library/busybox:latest"),
    ("index.docker.io/library/busybox", "docker.io/library/busybox:latest"),
    ("localhost/app", "localhost/app:latest"),
    ("localhost:5000/app:v1", "localhost:5000/app:v1"),
    ("localhost:5000", "docker.io/library/localhost:5000"),
    ("registry.example.org/a/b/c:T-1.x_y", "registry.example.org/a/b/c:T-1.x_y"),
    ("Host/app", "Host/app:latest"),
    ("[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app:latest"),
    ("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest"),
    (f"busybox@sha256:{HEX}", f"docker.io/library/busybox@sha256:{HEX}"),
    (f"busybox:1@sha256:{HEX}", f"docker.io/library/busybox:1@sha256:{HEX}"),
]

NOT_A_REFERENCE = [
    "",
    ":tag",
    "Busybox",
    "busybox:",
    "busybox:-x",
    "busybox:" + "x" * 129,
    "busybox@sha256:12",
    "busybox@md5:" + "0" * 32,
    f"busybox@sha256:{HEX.upper()}",
    "busy box",
    "busybox\n",
    "busybox:latest\n",
    "../etc/passwd",
    "a//b",
    "/busybox",
    "busybox/",
    "a___b",
    "a..b",
    "-host.example/app",
    "host.example:port/app",
    "example.org/" + "a" * 250,
    HEX,
    "büsybox",
    "busybox:\u0661",
    "x\0y",
]


@pytest.mark.parametrize(("short", "full"), SHORT_AND_FULL)
def test_a_short_name_stands_for_a_full_one(short: str, full: str) -> None:
    assert str(Reference.parse(short)) == full
    assert Reference.parse(full) == Reference.parse(short)


@pytest.mark.parametrize(
    ("full", "familiar"),
    [
        ("docker.io/library/busybox:latest", "busybox:latest"),
        ("docker.io/team/app:1", "team/app:1"),
        ("docker.io/library/a/b:1", "library/a/b:1"),
        ("docker.io/localhost/app:1", "docker.io/localhost/app:1"),
        ("registry.example.org/app:1", "registry.example.org/app:1"),
    ],
)
def test_the_familiar_form_is_the_short_one(full: str, familiar: str) -> None:
    assert Reference.parse(full).familiar == familiar
    assert str(Reference.parse(familiar)) == full


@pytest.mark.parametrize("text", NOT_A_REFERENCE)
def test_what_is_not_a_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec, match="not an image's name"):
        Reference.parse(text)


_domains = st.one_of(st.just(""), st.from_regex(r"\A[a-z0-9]{1,9}\.[a-z]{2,5}(:[0-9]{1,5})?/\Z"), st.just("localhost/"))
_paths = st.from_regex(r"\A[a-z0-9]{1,9}(([._]|__|-{1,3})[a-z0-9]{1,9})?(/[a-z0-9]{1,9}){0,3}\Z")
_tags = st.one_of(st.just(""), st.from_regex(r"\A:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z"))
_digests = st.one_of(st.just(""), st.from_regex(r"\A@sha256:[a-f0-9]{64}\Z"))


@given(_domains, _paths, _tags, _digests)
def test_every_well_formed_name_survives_writing_and_reading(domain: str, path: str, tag: str, digest: str) -> None:
    reference = Reference.parse(domain + path + tag + digest)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@given(st.text(max_size=400))
def test_any_text_is_either_a_reference_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidSpec:
        return
    assert Reference.parse(str(reference)) == reference
    assert str(reference).isascii()
    assert ".." not in str(reference).split("/")
