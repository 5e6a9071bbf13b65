"""Beyond the specification: the list of repositories, and tags that stay where they are."""

import pytest

from panel.distribution.models import Namespace
from tests.panel.distribution.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_catalog_shows_what_one_may_pull(olga: Client, vera: Client, ada: Client) -> None:
    olga.push_image("1", name="olga/one")
    olga.push_image("1", name="olga/two")
    olga.begin("olga/empty")
    ada.push_image("1", name="closed/one")
    ada.push_image("1", name="open/one")
    Namespace.objects.filter(name="open").update(visibility="internal")

    def names(client: Client, query: str = "") -> list[str]:
        return list(client.ask("GET", f"/v2/_catalog{query}").json["repositories"])

    assert names(olga) == ["olga/one", "olga/two", "open/one"]
    assert names(vera) == ["open/one"]
    assert names(ada) == ["closed/one", "olga/one", "olga/two", "open/one"]
    page = ada.ask("GET", "/v2/_catalog?n=3")
    assert page.headers["link"] == '</v2/_catalog?n=3&last=olga%2Ftwo>; rel="next"'
    assert names(ada, "?n=3&last=olga%2Ftwo") == ["open/one"]


def test_an_immutable_tag_stays_where_it_is(olga: Client) -> None:
    digest = olga.push_image("v1", b"one")
    Namespace.objects.filter(name="olga").update(immutable_tags=["v*"])

    assert olga.push_image("v1", b"one") == digest
    moved = olga.push_manifest(olga.image(b"two"), "v1")
    assert (moved.status, moved.word) == (409, "DENIED")
    assert olga.ask("DELETE", "/v2/olga/app/manifests/v1").status == 405
    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{digest}").status == 405
    assert olga.push_image("v2", b"two") != digest
    assert olga.push_image("latest", b"two") != olga.push_image("latest", b"three")
