"""What a bootstrap may be asked."""

import pytest

from engine.errors import InvalidSpec
from engine.spec.bootstrap import BootstrapSpec

GIVEN = {"reference": "debian:own", "suite": "bookworm"}


def test_two_words_are_enough() -> None:
    spec = BootstrapSpec.from_json(GIVEN)
    assert (spec.components, spec.packages, spec.mirror, spec.keyring) == (("main",), (), "", "")
    assert BootstrapSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("suite", "../../etc"),
        ("suite", "--second-stage"),
        ("suite", ""),
        ("mirror", "file:///etc"),
        ("mirror", "http://"),
        ("mirror", "http://host:99999/debian"),
        ("mirror", "http://host/with space"),
        ("mirror", "http://user:secret@host/debian"),
        ("components", []),
        ("components", ["main,--no-check-gpg"]),
        ("packages", ["curl,vim"]),
        ("packages", ["--help"]),
        ("keyring", "../shadow"),
        ("keyring", "/etc/shadow"),
    ],
)
def test_what_cannot_be_a_value_is_refused_with_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidSpec) as refused:
        BootstrapSpec.from_json(GIVEN | {field: value})
    assert refused.value.field.partition("[")[0] == field
