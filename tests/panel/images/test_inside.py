"""What is inside an image by REST, and images as archives, from a real agent."""

import io
import json
import tarfile
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import AsyncClient

from engine import Engine
from panel.accounts.models import Token
from panel.audit.models import AuditEntry
from panel.hosts.models import Host
from panel.images import records
from panel.images.models import Image
from panel.operations.models import Operation
from tests import images
from tests.panel.conftest import make_user
from tests.panel.images.conftest import Loaded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("agent", "redis_server")]


class Rest:
    """Requests of a user with one role."""

    def __init__(self, engine: Engine, role: str) -> None:
        host, _made = Host.objects.get_or_create(name="local")
        records.mirror(host.name, [image.to_json() for image in engine.images()])
        _row, secret = Token.objects.create(user=make_user(f"rest-{role}", role), name="t")
        self._headers = {"Authorization": f"Bearer {secret}"}
        self.keys = {image.image_id: image.pk for image in Image.objects.all()}

    async def get(self, path: str) -> tuple[Any, bytes]:
        answer: Any = await AsyncClient().get(f"/api/v1/images/{path}", headers=self._headers)
        if not answer.streaming:
            return answer, answer.content
        return answer, b"".join([part async for part in answer.streaming_content])

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        client = AsyncClient()
        return await client.post(f"/api/v1/images/{path}", body, content_type="application/json", headers=self._headers)


async def browse(engine: Engine, role: str = "viewer") -> Rest:
    rest: Rest = await database_sync_to_async(Rest)(engine, role)
    return rest


async def test_history_layers_and_files_are_told(engine: Engine, loaded: Loaded) -> None:
    image = loaded(images.layered())
    rest = await browse(engine)
    folder = rest.keys[image.id]
    _, history = await rest.get(f"{folder}/history/")
    assert [step["layer"] for step in json.loads(history)["steps"]] == [1, 2, 3]
    _, layers = await rest.get(f"{folder}/layers/")
    assert json.loads(layers)["layers"][2]["changes"] == {"added": 3, "changed": 2, "deleted": 3}
    _, page = await rest.get(f"{folder}/files/?layer=3&kind=deleted&limit=2")
    told = json.loads(page)
    assert [file["path"] for file in told["files"]] == ["/data/gone", "/data/tree"]
    _, page = await rest.get(f"{folder}/files/?layer=3&kind=deleted&limit=2&after={told['next']}")
    assert [file["path"] for file in json.loads(page)["files"]] == ["/hidden/before"]


async def test_two_images_are_compared(engine: Engine, loaded: Loaded) -> None:
    one = loaded(images.busybox("cmp:1", command=["one"]))
    other = loaded(images.layered())
    rest = await browse(engine)
    query = f"other={rest.keys[other.id]}"
    _, found = await rest.get(f"{rest.keys[one.id]}/comparison/?{query}")
    assert json.loads(found)["shared_layers"] == [one.layers[0].chain_id]
    assert [item["before"] for item in json.loads(found)["differences"] if item["field"] == "command"] == [["one"]]
    _, page = await rest.get(f"{rest.keys[one.id]}/comparison/files/?{query}&search=kept")
    assert [(file["path"], file["kind"]) for file in json.loads(page)["files"]] == [("/data/kept", "added")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("files/?layer=9", 404),
        ("files/?layer=x", 422),
        ("files/?after=!", 422),
        ("files/?kind=gone", 422),
        ("comparison/", 422),
        ("comparison/?other=999999", 404),
        ("comparison/files/?other=" + "9" * 40, 422),
    ],
)
async def test_what_makes_no_sense_is_a_problem(engine: Engine, loaded: Loaded, path: str, status: int) -> None:
    image = loaded(images.layered())
    rest = await browse(engine)
    answer, _ = await rest.get(f"{rest.keys[image.id]}/{path}")
    assert answer.status_code == status


async def test_archives_are_downloaded_and_each_image_is_in_the_audit_log(engine: Engine, loaded: Loaded) -> None:
    one, other = loaded(images.busybox("save/me:1", command=["one"])), loaded(images.layered())
    rest = await browse(engine, "operator")
    answer, archive = await rest.get(f"{rest.keys[one.id]}/archive/?format=oci")
    assert answer["Content-Disposition"] == 'attachment; filename="me-1.tar"'
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert "manifest.json" not in tar.getnames()
    answer, archive = await rest.get(f"archive/?id={rest.keys[one.id]}&id={rest.keys[other.id]}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        listed = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert [item["RepoTags"] for item in listed] == [["save/me:1"], ["layered:test"]]
    rows = AuditEntry.objects.filter(action="images.save", outcome=AuditEntry.Outcome.ALLOWED)
    assert [row.object_id async for row in rows.order_by("number")] == [one.id, one.id, other.id]


async def test_archives_are_for_those_who_may_and_of_what_there_is(engine: Engine, loaded: Loaded) -> None:
    image = loaded(images.layered())
    viewer, operator = await browse(engine), await browse(engine, "operator")
    assert (await viewer.get(f"{viewer.keys[image.id]}/archive/"))[0].status_code == 403
    assert (await operator.get("archive/"))[0].status_code == 422
    assert (await operator.get("archive/?id=999999"))[0].status_code == 404
    assert (await operator.get(f"{viewer.keys[image.id]}/archive/?format=zip"))[0].status_code == 422
    await database_sync_to_async(engine.remove_image)(image.id)
    assert (await operator.get(f"{viewer.keys[image.id]}/archive/"))[0].status_code == 404


async def test_a_prune_is_told_of_at_once_and_done_by_an_operation(engine: Engine, loaded: Loaded) -> None:
    image = loaded(images.busybox("prune:1", command=["prune"]))
    viewer, operator = await browse(engine), await browse(engine, "operator")
    asked = {"dangling": False, "without_labels": ["keep"]}
    told = (await viewer.post("prune/", asked | {"dry_run": True})).json()
    assert image.id in {one["id"] for one in told["images"]}
    assert set(told) == {"images", "freed_bytes", "downloads_bytes"}
    assert (await viewer.post("prune/", asked)).status_code == 403
    assert (await viewer.post("prune/", {"until": "soon", "dry_run": True})).status_code == 422
    assert (await operator.post("prune/", {"untill": "soon"})).status_code == 422
    assert (await operator.post("prune/", asked)).status_code == 202
    operation = await Operation.objects.aget(kind="images.prune")
    assert operation.object_id == "local"
    assert image.id in {kept.id for kept in engine.images()}
