"""docker and skopeo sign in, push and pull: what they pushed comes back bit for bit."""

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from engine import Credentials, Engine, RegistryAccess
from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.distribution.models import Manifest, Tag
from panel.registries.services import import_docker_config
from tests.images.archives import docker_archive, multi_platform_archive
from tests.images.build import build
from tests.images.layers import file, layer
from tests.panel.conftest import acting
from tests.panel.distribution.conftest import Client
from tests.services.distribution import Server
from tests.services.dockerd import docker_daemon

pytestmark = pytest.mark.django_db(transaction=True)

LAYERS = [layer(file("big", os.urandom(5 << 20))), layer(file("small", b"a few words"))]


def skopeo(*arguments: str) -> bytes:
    return subprocess.run(["skopeo", *arguments], stdout=subprocess.PIPE, check=True, timeout=60).stdout


def digests(folder: Path) -> set[str]:
    """Blobs of an OCI layout that were checked against their names."""
    names = {path.name for path in (folder / "blobs/sha256").iterdir()}
    sums = subprocess.run(["sha256sum", *names], cwd=folder / "blobs/sha256", capture_output=True, check=True).stdout
    assert {line.split()[0].decode() for line in sums.splitlines()} == names
    return names


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_copies_a_list_of_images_there_and_back(
    registry_server: Server, olga: Client, tmp_path: Path, operator: User
) -> None:
    images = {name: build("many:1", LAYERS, architecture=name) for name in ("amd64", "arm64")}
    with tarfile.open(fileobj=io.BytesIO(multi_platform_archive("many:1", images))) as tar:
        tar.extractall(tmp_path / "sent")  # noqa: S202 - made a line above
    here = f"docker://{registry_server.address}/olga/many"
    credentials = f"olga:{olga.secret}"
    sending = ["--all", "--preserve-digests", "--dest-tls-verify=false", f"--dest-creds={credentials}"]

    skopeo("copy", *sending, f"oci:{tmp_path}/sent", f"{here}:1")
    skopeo("copy", *sending, f"oci:{tmp_path}/sent", f"{here}:again")
    receiving = ["--all", "--src-tls-verify=false", f"--src-creds={credentials}"]
    skopeo("copy", *receiving, f"{here}:1", f"oci:{tmp_path}/received")

    assert digests(tmp_path / "received") == digests(tmp_path / "sent")
    index = Tag.objects.get(name="1").manifest
    assert index.platforms == ["linux/amd64", "linux/arm64"]
    told = json.loads(skopeo("inspect", "--tls-verify=false", "--creds", credentials, f"{here}:1"))
    assert sorted(told["RepoTags"]) == ["1", "again"]
    skopeo("delete", "--tls-verify=false", "--creds", credentials, f"{here}:1")
    assert not Manifest.objects.filter(digest=index.digest).exists()


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_copies_from_one_repository_to_another_without_sending_bytes(
    registry_server: Server, olga: Client, tmp_path: Path
) -> None:
    (tmp_path / "one.tar").write_bytes(docker_archive(build("one:1", LAYERS)))
    options = ["--dest-tls-verify=false", f"--dest-creds=olga:{olga.secret}"]
    skopeo("copy", *options, f"docker-archive:{tmp_path}/one.tar", f"docker://{registry_server.address}/olga/one:1")
    options += ["--src-tls-verify=false", f"--src-creds=olga:{olga.secret}"]

    one, two = (f"docker://{registry_server.address}/olga/{name}:1" for name in ("one", "two"))
    skopeo("copy", *options, one, two)

    rows = {row.repository.name: row.manifest.digest for row in Tag.objects.select_related("repository", "manifest")}
    assert rows["olga/one"] == rows["olga/two"]


@pytest.mark.skipif(not shutil.which("dockerd"), reason="dockerd is not installed")
def test_docker_signs_in_pushes_and_pulls(
    registry_server: Server, vera: Client, operator: User, viewer: User, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    name = f"{registry_server.address}/olga/app"
    image = build(f"{name}:1", LAYERS)
    with docker_daemon(tmp_path) as docker:
        docker.call("load", stdin=docker_archive(image))
        with pytest.raises(subprocess.CalledProcessError) as wrong:
            docker.call("login", "-u", "olga", "--password-stdin", registry_server.address, stdin=b"wrong")
        assert b"unauthorized" in wrong.value.stderr
        docker.call("login", "-u", "olga", "--password-stdin", registry_server.address, stdin=b"olga's password")
        config = json.loads((tmp_path / "config" / "config.json").read_text())
        assert base64.b64decode(config["auths"][registry_server.address]["auth"]) == b"olga:"  # no password
        (imported,) = import_docker_config(actor=acting(operator), config=config)
        docker.call("push", f"{name}:1")
        if shutil.which("skopeo"):
            signed_in = f"--authfile={tmp_path}/config/config.json"
            assert json.loads(skopeo("list-tags", "--tls-verify=false", signed_in, f"docker://{name}"))["Tags"] == ["1"]
        docker.call("tag", f"{name}:1", f"{registry_server.address}/olga/other:1")
        pushed = docker.call("push", f"{registry_server.address}/olga/other:1")
        docker.call("rmi", "-f", image.id)
        docker.call("pull", f"{name}:1")
        assert docker.call("image", "inspect", "-f", "{{.Id}}", f"{name}:1").decode().strip() == image.id
        docker.call("logout", registry_server.address)
        with pytest.raises(subprocess.CalledProcessError):
            docker.call("pull", f"{name}:1")
        docker.call("login", "-u", "vera", "--password-stdin", registry_server.address, stdin=vera.secret.encode())
        with pytest.raises(subprocess.CalledProcessError) as denied:
            docker.call("push", f"{name}:1")

    assert imported.opened().identity_token
    access = RegistryAccess(registry_server.address, imported.opened())
    assert Engine(tmp_path / "host", tmp_path / "run").resolve(f"{name}:1", access=access).digest
    assert b"Mounted from olga/app" in pushed
    assert b"denied: this takes the permission distribution.push, which you have not" in denied.value.stderr
    rows = AuditEntry.objects.filter(action="distribution.pull", outcome="allowed")
    digest = Tag.objects.get(repository__name="olga/app").manifest.digest
    told = {"digest": digest, "tags": ["1"]}
    assert [(row.actor_name, row.object_name, row.after) for row in rows] == [("olga", f"olga/app@{digest}", told)]


def test_a_host_of_ones_own_pushes_and_pulls(registry_server: Server, olga: Client, tmp_path: Path) -> None:
    name = f"{registry_server.address}/olga/web:1"
    form = {"grant_type": "password", "username": "olga", "password": "olga's password", "access_type": "offline"}
    identity = olga.ask("POST", "/v2/token", urlencode(form), content_type="application/x-www-form-urlencoded")
    access = RegistryAccess(registry_server.address, Credentials(identity_token=identity.json["refresh_token"]))
    sender, receiver = (Engine(tmp_path / name, tmp_path / f"{name}-run") for name in ("sender", "receiver"))
    (image,) = sender.load_image(io.BytesIO(docker_archive(build(name, LAYERS), compression="gzip")))

    pushed = sender.push(name, access=access)
    pulled = receiver.pull(name, access=access)

    assert pulled.id == image.id
    assert Tag.objects.get(name="1").manifest.digest == pushed.digest
