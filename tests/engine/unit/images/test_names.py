"""The index names images as one would by hand, and loses none."""

from hypothesis import given
from hypothesis import strategies as st

from engine.images.catalog import reference_of, registry_digest_of
from engine.images.names import Descriptors, named, remembered, unnamed, untagged
from engine.spec.image import REF_NAME, Descriptor


def manifest(digit: str) -> Descriptor:
    return Descriptor("type", f"sha256:{digit * 64}", 1)


def shown(descriptors: Descriptors) -> list[tuple[str, str]]:
    """(first digit of the digest, name) of every entry, sorted."""
    return sorted((descriptor.digest[7], reference_of(descriptor)) for descriptor in descriptors)


A, B = manifest("a"), manifest("b")


def test_an_image_without_a_name_is_listed_once() -> None:
    assert shown(named(named((), A, []), A, [])) == [("a", "")]


def test_a_first_name_takes_the_place_of_none() -> None:
    assert shown(named(named((), A, []), A, ["x"])) == [("a", "x")]


def test_a_name_given_to_another_image_leaves_the_first_nameless() -> None:
    assert shown(named(named((), A, ["x"]), B, ["x"])) == [("a", ""), ("b", "x")]


def test_an_image_keeps_its_other_names() -> None:
    index = named(named((), A, ["x", "y"]), B, ["x"])
    assert shown(index) == [("a", "y"), ("b", "x")]
    assert shown(unnamed(index, ["y"])) == [("a", ""), ("b", "x")]


def test_a_registrys_digest_goes_with_the_images_last_name_in_the_repository() -> None:
    index = remembered(named((), A, ["r/app:1", "r/app:2", "s/app:1"]), A, ["docker.io/r/app@sha256:0"])
    assert index == remembered(index, A, ["docker.io/r/app@sha256:0"])
    fewer = untagged(index, ["r/app:1"])
    assert [registry_digest_of(d) for d in fewer if registry_digest_of(d)] == ["docker.io/r/app@sha256:0"]
    assert shown(untagged(fewer, ["r/app:2"])) == [("a", "s/app:1")]
    assert shown(untagged(index, ["r/app:1", "r/app:2", "s/app:1"])) == [("a", "")]


def test_a_registrys_digest_stays_with_an_image_whose_name_another_took_but_keeps_none() -> None:
    index = named(remembered(named((), A, ["r/app:1"]), A, ["docker.io/r/app@sha256:0"]), B, ["r/app:1"])
    assert shown(index) == [("a", ""), ("a", ""), ("b", "r/app:1")]
    assert remembered((), A, ["docker.io/r/app@sha256:0"]) == ()


_steps = st.lists(st.tuples(st.sampled_from([A, B, None]), st.lists(st.sampled_from(["x", "y", "z"]), max_size=3)))


@given(_steps)
def test_no_name_is_given_twice_and_no_image_gets_lost(steps: list[tuple[Descriptor | None, list[str]]]) -> None:
    index: Descriptors = ()
    seen: set[str] = set()
    for image, names in steps:
        index = unnamed(index, names) if image is None else named(index, image, names)
        seen |= set() if image is None else {image.digest}
        names_now = [reference_of(descriptor) for descriptor in index if reference_of(descriptor)]
        assert len(names_now) == len(set(names_now))
        assert {descriptor.digest for descriptor in index} == seen
        nameless = [descriptor.digest for descriptor in index if not reference_of(descriptor)]
        assert not set(nameless) & {d.digest for d in index if (d.annotations or {}).get(REF_NAME)}
        assert len(nameless) == len(set(nameless))
