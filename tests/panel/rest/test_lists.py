"""Lists: paged, searched, filtered and ordered by the server; and the OpenAPI document that tells how."""

from typing import Any

import pytest
from django.test import Client

from panel.accounts.models import User
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.images.models import Image
from tests.panel.conftest import IMAGE_ID, rest


@pytest.fixture
def containers(local: Host) -> None:
    """Sixty of them, every third running."""
    for number in range(60):
        status = "running" if number % 3 == 0 else "exited"
        Container.objects.create(name=f"box-{number:02}", host=local, image="busybox", status=status)


def names(client: Client, query: str) -> list[str]:
    return [row["name"] for row in client.get(f"/api/v1/containers/?{query}").json()["results"]]


def test_a_list_comes_in_pages(viewer: User, containers: None) -> None:
    client = rest(viewer)

    first = client.get("/api/v1/containers/").json()

    assert (first["count"], len(first["results"])) == (60, 50)
    assert len(names(client, "page=2")) == 10
    assert len(names(client, "page_size=9999")) == 60
    assert client.get("/api/v1/containers/?page=99").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("search=box-01", ["box-01"]),
        ("name=box-07", ["box-07"]),
        ("status=running&page_size=3&order=name", ["box-00", "box-03", "box-06"]),
        ("order=-name&page_size=1", ["box-59"]),
        ("search=nothing", []),
    ],
)
def test_a_list_is_searched_filtered_and_ordered(
    viewer: User, containers: None, query: str, expected: list[str]
) -> None:
    assert names(rest(viewer), query) == expected


def test_an_image_is_found_by_its_reference_and_id(viewer: User, image: Image) -> None:
    client = rest(viewer)

    for text, count in (("busybox", 1), (IMAGE_ID[:20], 1), ("debian", 0)):
        assert client.get(f"/api/v1/images/?search={text}").json()["count"] == count


def test_a_list_takes_a_bounded_number_of_queries(
    viewer: User, containers: None, django_assert_max_num_queries: Any
) -> None:
    client = rest(viewer)

    with django_assert_max_num_queries(4):
        client.get("/api/v1/containers/")


def test_inspecting_shows_container_and_image(viewer: User, image: Image) -> None:
    container = Container.objects.create(name="one", host=image.host, image="busybox", image_id=IMAGE_ID)

    document = rest(viewer).get(f"/api/v1/containers/{container.id}/inspect/").json()

    assert document["container"]["name"] == "one"
    assert document["image"] == {}
    assert document["config"] is None
    assert "does not answer" in document["config_error"]


def test_the_openapi_document_is_3_1_and_open(client: Client) -> None:
    document = client.get("/api/v1/schema/?format=json").json()

    assert document["openapi"] == "3.1.0"
    assert "/api/v1/containers/{id}/start/" in document["paths"]
    start = document["paths"]["/api/v1/containers/{id}/start/"]["post"]
    assert start.keys() >= {"summary", "responses"}
    assert "containers.operate" in start["description"]
    assert "application/problem+json" in start["responses"]["default"]["content"]


def test_every_operation_of_the_document_has_a_summary(client: Client) -> None:
    document = client.get("/api/v1/schema/?format=json").json()

    bare = [
        f"{method} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if not operation.get("summary")
    ]
    assert bare == []


def test_every_operation_of_the_document_has_an_example(client: Client) -> None:
    document = client.get("/api/v1/schema/?format=json").json()

    bare = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            contents = [content for body in bodies for content in body.get("content", {}).values()]
            is_bodiless = method == "delete" and "204" in operation["responses"]
            is_text = method == "get" and path.endswith(
                ("/logs/", "/schema/", "/diff/", "/export/", "/archive/", "/files/content/")
            )
            if not (is_bodiless or is_text or any("examples" in content for content in contents)):
                bare.append(f"{method} {path}")
    assert bare == []


@pytest.mark.parametrize("text", ["web", "ab" * 32, "abab"])
def test_a_container_is_named_in_an_address_by_id_name_or_beginning(viewer: User, local: Host, text: str) -> None:
    Container.objects.create(id="ab" * 32, name="web", host=local, image="busybox")
    Container.objects.create(id="cd" * 32, name="cdcd", host=local, image="busybox")

    assert rest(viewer).get(f"/api/v1/containers/{text}/").json()["name"] == "web"


def test_a_name_wins_over_the_beginning_of_an_id_and_two_beginnings_mean_none(viewer: User, local: Host) -> None:
    for number, name in enumerate(("ab", "one", "two")):
        Container.objects.create(id="ab" * 31 + f"0{number}", name=name, host=local, image="busybox")
    client = rest(viewer)

    assert client.get("/api/v1/containers/ab/").json()["name"] == "ab"
    assert client.get("/api/v1/containers/aba/").status_code == 404


def test_the_documents_page_works_under_the_strict_policy(viewer: User, client: Client) -> None:
    client.force_login(viewer)
    answer = client.get("/api/v1/docs/")

    assert answer.status_code == 200
    page = answer.content.decode()
    assert "/api/v1/containers/{id}/start/" in page
    assert "style=" not in page.partition("<main")[2]
    assert "unsafe" not in answer["Content-Security-Policy"]
