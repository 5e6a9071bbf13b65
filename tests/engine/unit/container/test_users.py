"""`user[:group]` means what Docker says it means."""

import pytest

from engine.container.users import Identity, resolve
from engine.errors import InvalidSpec

FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/false\nbroken\nodd:x:abc:1::/:/bin/sh\n",
    "/etc/group": "root:x:0:\nwww:x:34:\nlogs:x:50:web,root\ndocs:x:51:web\n",
}


def read(path: str) -> str:
    return FILES.get(path, "")


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        ("", Identity(0, 0, (50,), "/root")),
        ("web", Identity(33, 34, (50, 51), "/srv")),
        ("33", Identity(33, 34, (50, 51), "/srv")),
        ("web:docs", Identity(33, 51, (), "/srv")),
        ("web:7", Identity(33, 7, (), "/srv")),
        ("web:", Identity(33, 34, (50, 51), "/srv")),
        (":docs", Identity(0, 51, (), "/root")),
        ("1000", Identity(1000, 0, (), "/")),
        ("1000:1000", Identity(1000, 1000, (), "/")),
    ],
)
def test_a_user_is_resolved_by_the_images_own_files(user: str, wanted: Identity) -> None:
    assert resolve(user, read) == wanted


@pytest.mark.parametrize("user", ["nobody", "web:nogroup", "odd"])
def test_a_name_that_is_not_there_is_refused(user: str) -> None:
    with pytest.raises(InvalidSpec, match="not in the image's"):
        resolve(user, read)


def test_an_image_without_these_files_still_has_numbers() -> None:
    assert resolve("", lambda _: "") == Identity(0, 0, (), "/")


def test_more_groups_are_added_by_name_or_number_and_each_once() -> None:
    assert resolve("web", read, ("docs", "7", "www")).groups == (50, 51, 7, 34)
    assert resolve("web:docs", read, ("7",)).groups == (7,)
    with pytest.raises(InvalidSpec) as caught:
        resolve("web", read, ("docs", "nosuch"))
    assert caught.value.field == "groups[1]"
