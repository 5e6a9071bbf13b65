"""What programs do over REST with the files of a container and a volume, on a whole panel."""

import hashlib
import secrets
import urllib.parse
from typing import Any

import pytest

from tests.e2e.test_rest import create, done, names, raw
from tests.services.panel import Panel


@pytest.fixture(params=["container", "volume"])
def files(request: pytest.FixtureRequest, panel: Panel, image: str) -> Any:
    """Where the files of a stopped container are, or those of a volume."""
    if request.param == "volume":
        name = f"browsed-{secrets.token_hex(4)}"
        done(panel, "POST", "volumes/", {"name": name})
        yield f"volumes/{name}/files"
        done(panel, "DELETE", f"volumes/{name}/")
    else:
        container = create(panel, image, command=["sleep", "1"], start=False)
        yield f"containers/{container}/files"
        done(panel, "DELETE", f"containers/{container}/")


def put(panel: Panel, files: str, path: str, content: bytes, **query: str) -> tuple[int, Any]:
    asked = urllib.parse.urlencode({"path": path, **query})
    return panel.request("PUT", f"{files}/content/?{asked}", content, wait_s=30)


def test_a_file_is_uploaded_viewed_edited_downloaded_moved_and_removed(panel: Panel, files: str) -> None:
    done(panel, "POST", f"{files}/folder/", {"path": "/hold"})
    assert put(panel, files, "/hold/a text.txt", b"one\n")[0] == 200
    page = panel.request("GET", f"{files}/?path=/hold")[1]
    assert [(entry["name"], entry["size_bytes"], entry["uid"]) for entry in page["entries"]] == [("a text.txt", 4, 0)]
    view = panel.request("GET", f"{files}/view/?path=/hold/a%20text.txt")[1]
    assert (view["text"], view["digest"]) == ("one\n", "sha256:" + hashlib.sha256(b"one\n").hexdigest())
    status, problem = put(panel, files, "/hold/a text.txt", b"two\n")
    assert (status, problem["code"]) == (409, "conflict")
    assert put(panel, files, "/hold/a text.txt", b"two\n", replaces="1", digest=view["digest"])[0] == 200
    status, problem = put(panel, files, "/hold/a text.txt", b"three\n", replaces="1", digest=view["digest"])
    assert status == 409
    assert "changed since" in problem["detail"]
    done(panel, "POST", f"{files}/move/", {"path": "/hold/a text.txt", "target": "/hold/b"})
    headers, content = raw(panel, "GET", f"{files}/content/?path=/hold/b")
    assert content == b"two\n"
    assert headers["Content-Disposition"] == 'attachment; filename="b"'
    assert "sandbox" in headers["Content-Security-Policy"]
    headers, tar = raw(panel, "GET", f"{files}/archive/?path=/hold")
    assert names(tar) == ["hold", "hold/b"]
    done(panel, "POST", f"{files}/access/", {"paths": ["/hold/b"], "mode": "600", "owner": "7"})
    entry = panel.request("GET", f"{files}/entry/?path=/hold/b")[1]
    assert (entry["mode"], entry["uid"]) == (0o600, 7)
    assert panel.request("POST", f"{files}/removable/", {"paths": ["/hold"]})[1]["files"] == 1
    done(panel, "POST", f"{files}/remove/", {"paths": ["/hold"]})
    assert panel.request("GET", f"{files}/?path=/hold")[0] == 404


def test_every_access_is_in_the_audit_log_and_a_listing_once(panel: Panel, files: str) -> None:
    for _ in range(3):
        assert panel.request("GET", f"{files}/?path=/")[0] == 200
    assert put(panel, files, "/seen", b"x")[0] == 200
    panel.request("GET", f"{files}/view/?path=/seen")
    raw(panel, "GET", f"{files}/content/?path=/seen")
    kind, name = files.split("/", maxsplit=1)[0].removesuffix("s"), files.split("/")[1]
    rows = panel.request("GET", "audit/?page_size=50")[1]["results"]
    mine = [row["action"] for row in rows if (row["object_kind"], row["object_id"]) == (kind, name)]
    assert [action for action in mine if action.startswith("files.")] == [
        "files.download",
        "files.view",
        "files.put",
        "files.list",
    ]


@pytest.mark.parametrize("path", ["", "relative", "%00", "/a%00b"])
def test_what_is_no_path_is_refused(panel: Panel, path: str) -> None:
    status, problem = panel.request("GET", f"volumes/any/files/view/?path={path}")
    assert (status, problem["errors"][0]["field"]) == (422, "path")
