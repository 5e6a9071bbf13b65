"""The image pages."""

from panel.accounts.models import User
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from tests.panel.browsing import signed_in


def test_the_list_names_images_as_people_do(viewer: User, image: Image) -> None:
    page = signed_in(viewer).get("/images/").content.decode()
    assert "<strong>busybox:latest</strong>" in page
    assert "1.0 KB" in page


def test_an_empty_list_leads_to_the_upload_for_those_who_may(viewer: User, operator: User, local: Host) -> None:
    assert b"/images/upload/" in signed_in(operator).get("/images/").content
    assert b"/images/upload/" not in signed_in(viewer).get("/images/").content
    assert signed_in(viewer).get("/images/upload/").status_code == 403


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
