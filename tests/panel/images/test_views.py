"""The image pages."""

from django.utils import timezone

from panel.accounts.models import User
from panel.containers.models import Container
from panel.hosts.models import Host
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


def test_an_image_shows_what_it_runs_its_layers_and_who_uses_it(viewer: User, image: Image) -> None:
    layer = "sha256:" + "9f" * 32
    image.config = {"command": ["sh", "-c", "a b"], "layers": [{"diff_id": layer, "size_bytes": 5}], "env": ["A=<b>"]}
    image.save()
    made_from = {"image": "busybox", "image_id": image.image_id, "status": "running", "started_at": timezone.now()}
    Container.objects.create(name="web", host=image.host, **made_from)
    page = signed_in(viewer).get(f"/images/{image.pk}/").content.decode()
    for text in ("sh -c &#x27;a b&#x27;", "9f9f9f9f9f9f", "A=&lt;b&gt;", ">web</a>"):
        assert text in page
    assert "/remove/" not in page


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
