"""The image pages."""

import pytest
from django.utils import timezone

from panel.accounts.models import User
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.images import inside
from panel.images.models import Image
from panel.operations.models import Operation
from tests.panel.browsing import HTMX, signed_in


def test_the_list_names_images_as_people_do(viewer: User, image: Image) -> None:
    page = signed_in(viewer).get("/images/").content.decode()
    assert ">busybox:latest</a>" in page
    assert "1.0 KB" in page


def test_an_empty_list_leads_to_the_upload_for_those_who_may(viewer: User, operator: User, local: Host) -> None:
    assert b"/images/upload/" in signed_in(operator).get("/images/").content
    assert b"/images/upload/" not in signed_in(viewer).get("/images/").content
    assert signed_in(viewer).get("/images/upload/").status_code == 403


def test_an_image_shows_what_it_runs_and_who_uses_it(viewer: User, image: Image) -> None:
    layer = "sha256:" + "9f" * 32
    image.config = {"command": ["sh", "-c", "a b"], "layers": [{"diff_id": layer, "size_bytes": 5}], "env": ["A=<b>"]}
    image.shared_bytes = 400
    image.save()
    made_from = {"image": "busybox", "image_id": image.image_id, "status": "running", "started_at": timezone.now()}
    Container.objects.create(name="web", host=image.host, **made_from)
    mounting = {"image": "tools", "image_id": "sha256:2b", "mounted_images": ["sha256:3c", image.image_id]}
    Container.objects.create(name="borrower", host=image.host, **mounting)
    Container.objects.create(name="other", host=image.host, image="tools", image_id="sha256:2b")
    page = signed_in(viewer).get(f"/images/{image.pk}/").content.decode()
    for text in (
        ">2</a>",
        "sh -c &#x27;a b&#x27;",
        "A=&lt;b&gt;",
        "600 B of its own, 400 B shared",
        f"/images/{image.pk}/files/",
    ):
        assert text in page
    assert "/remove/" not in page
    assert "/archive/" not in page
    users = signed_in(viewer).get(f"/images/{image.pk}/containers/").content.decode()
    assert ">web</a>" in users
    assert ">borrower</a>" in users
    assert "of tools, mounts this one" in users
    assert ">other</a>" not in users


def test_what_an_images_maker_wrote_cannot_look_like_anything_else(viewer: User, image: Image) -> None:
    image.config = {"env": ["A=\u202egnp.exe\n\x1b[31m<script>"], "labels": {"\u200b": "\u2066x"}}
    image.save()
    page = signed_in(viewer).get(f"/images/{image.pk}/").content.decode()
    assert r"A=\u202egnp.exe\n\x1b[31m&lt;script&gt;" in page
    assert r"\u200b=\u2066x" in page


def test_without_its_host_an_image_says_why_its_inside_is_not_shown(viewer: User, image: Image) -> None:
    browser = signed_in(viewer)
    for tab in ("layers/", "files/", f"compare/?other={_other(image).pk}"):
        answer = browser.get(f"/images/{image.pk}/{tab}")
        assert (answer.status_code, b"does not answer" in answer.content) == (200, True), tab


def test_a_comparison_offers_the_images_of_the_same_host(
    viewer: User, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _other(image)
    elsewhere = Host.objects.create(name="elsewhere")
    far = Image.objects.create(host=elsewhere, image_id="sha256:" + "3c" * 32, references=["far:1"])
    page = signed_in(viewer).get(f"/images/{image.pk}/compare/?other={far.pk}").content.decode()
    assert f'<option value="{other.pk}">' in page
    assert "far:1" not in page
    monkeypatch.setattr(inside, "MOST_OTHERS", 0)
    page = signed_in(viewer).get(f"/images/{image.pk}/compare/?other={other.pk}").content.decode()
    assert f'<option value="{other.pk}" selected>' in page
    assert signed_in(viewer).get(f"/images/{image.pk}/compare/?other=x").status_code == 200


def test_what_is_not_used_is_removed_by_an_operation(operator: User, viewer: User, local: Host) -> None:
    assert signed_in(viewer).get("/images/prune/").status_code == 403
    assert b"does not answer" in signed_in(operator).get("/images/prune/").content
    wrong = signed_in(operator).post("/images/prune/", {"until": "yesterday"})
    assert wrong.status_code == 422
    signed_in(operator).post("/images/prune/", {"named": "on", "label": "team=blue"})
    operation = Operation.objects.get()
    assert (operation.kind, operation.object_id) == ("images.prune", "local")


def _other(image: Image) -> Image:
    return Image.objects.create(host=image.host, image_id="sha256:" + "2b" * 32, references=["other:1"])


def test_a_page_left_open_goes_back_to_the_list_when_its_image_is_removed(viewer: User, local: Host) -> None:
    answer = signed_in(viewer).get("/images/1/", headers={**HTMX, "HX-Target": "image"})
    assert answer.headers["HX-Redirect"] == "/images/"


def test_removal_is_an_operation(operator: User, image: Image) -> None:
    signed_in(operator).post(f"/images/{image.pk}/remove/", headers={"HX-Request": "true"})
    assert Operation.objects.get().kind == "images.remove"


def test_a_load_under_way_is_shown_again_after_a_reload(operator: User, local: Host) -> None:
    steps = [{"name": "read archive", "status": "running", "current": 1, "total": 4, "unit": "bytes"}]
    operation = Operation.objects.create(
        kind="images.load", host=local, object_kind="image", object_id="u", object_name="a.tar", steps=steps
    )
    page = signed_in(operator).get("/images/upload/").content.decode()
    assert f'id="card-{operation.pk}"' in page
    assert "Read the archive" in page
    assert '<progress class="bar" max="4" value="1"' in page
