"""What programs do over REST with a container, from its creation to its removal, on a whole panel."""

import io
import json
import tarfile
import urllib.request
from email.message import Message
from typing import Any

import pytest

from tests.services.panel import Panel


def raw(panel: Panel, method: str, path: str) -> tuple[Message, bytes]:
    """The headers and body of an answer that is no JSON document."""
    headers = {"Authorization": f"Bearer {panel.token}"}
    request = urllib.request.Request(f"{panel.url}/api/v1/{path}", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, answer.read()


def names(tar: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return archive.getnames()


def done(panel: Panel, method: str, path: str, body: object = None) -> Any:
    """The result of an operation that is waited for."""
    status, operation = panel.request(method, path, body, wait_s=30)
    assert status == 200, operation
    return operation


def create(panel: Panel, image: str, **spec: Any) -> str:
    return str(done(panel, "POST", "containers/", {"image": image, **spec})["object_id"])


@pytest.fixture
def sleeper(panel: Panel, image: str) -> Any:
    """A container that runs; gone afterwards."""
    container = create(panel, image, command=["sh", "-c", "echo hello > /made; exec sleep 1000"])
    yield container
    panel.request("DELETE", f"containers/{container}/?force=1", wait_s=30)


def test_it_is_paused_changed_and_renamed(panel: Panel, sleeper: str) -> None:
    assert done(panel, "POST", f"containers/{sleeper}/pause/")["status"] == "done"
    assert panel.request("GET", f"containers/{sleeper}/")[1]["status"] == "paused"
    done(panel, "POST", f"containers/{sleeper}/unpause/")
    change = {"resources": {"memory_bytes": 64 << 20}, "restart": {"name": "on-failure", "max_retries": 3}}
    done(panel, "PATCH", f"containers/{sleeper}/", change)
    told = panel.request("GET", f"containers/{sleeper}/")[1]
    assert told["status"] == "running"
    assert told["spec"]["resources"]["memory_bytes"] == 64 << 20
    assert told["spec"]["restart"] == {"name": "on-failure", "max_retries": 3}
    assert panel.request("GET", f"containers/{sleeper}/stats/")[1]["memory"]["limit_bytes"] == 64 << 20
    done(panel, "PATCH", f"containers/{sleeper}/", {"resources": {"memory_bytes": None}})
    assert panel.request("GET", f"containers/{sleeper}/")[1]["spec"]["resources"]["memory_bytes"] is None

    done(panel, "POST", f"containers/{sleeper}/rename/", {"name": "sleeper-renamed"})
    assert panel.request("GET", "containers/sleeper-renamed/")[1]["id"] == sleeper
    assert panel.request("GET", f"containers/{sleeper}/inspect/")[1]["config_error"] == ""


def test_programs_are_run_in_it_and_their_output_is_bounded(panel: Panel, sleeper: str) -> None:
    def run(*command: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = done(panel, "POST", f"containers/{sleeper}/exec/", {"command": command, **more})
        return dict(found["result"])

    told = run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (told["exit_code"], told["stdout"], told["stderr"]) == (3, "out\n", "err\n")
    told = run("sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done")
    assert (len(told["stdout"]), told["truncated"]) == (64 << 10, True)
    told = run("sleep", "600", timeout_s=0.5)
    assert (told["timed_out"], told["exit_code"]) == (True, 137)
    assert run("sleep", "1000", detach=True)["pid"] > 0
    titles = panel.request("GET", f"containers/{sleeper}/top/")[1]
    assert sum("sleep 1000" in row[-1] for row in titles["rows"]) == 2
    status, problem = panel.request("POST", f"containers/{sleeper}/exec/", {"command": ["no-such"]}, wait_s=30)
    assert (status, problem["code"]) == (422, "command-not-found")


def test_its_files_are_read_and_written(panel: Panel, sleeper: str) -> None:
    _, lines = raw(panel, "GET", f"containers/{sleeper}/diff/")
    assert {"path": "/made", "kind": "added"} in [json.loads(line) for line in lines.splitlines()]

    headers, tar = raw(panel, "GET", f"containers/{sleeper}/archive/?path=/made")
    assert json.loads(headers["Moorage-Path-Stat"])["size"] == 6
    assert names(tar) == ["made"]
    headers, nothing = raw(panel, "HEAD", f"containers/{sleeper}/archive/?path=/made")
    assert (json.loads(headers["Moorage-Path-Stat"])["name"], nothing) == ("made", b"")
    assert panel.request("GET", f"containers/{sleeper}/archive/?path=/nowhere")[0] == 404
    assert panel.request("GET", f"containers/{sleeper}/path/?path=/made")[1]["name"] == "made"

    done(panel, "PUT", f"containers/{sleeper}/archive/?path=/tmp", tar)
    assert panel.request("GET", f"containers/{sleeper}/path/?path=/tmp/made")[1]["size"] == 6
    _, root = raw(panel, "GET", f"containers/{sleeper}/export/")
    assert "tmp/made" in names(root)
    made = done(panel, "POST", f"containers/{sleeper}/commit/", {"reference": "tried:1", "changes": ['CMD ["ls"]']})
    assert made["result"]["images"][0]["references"] == ["docker.io/library/tried:1"]


def test_its_end_is_waited_for_and_told_with_its_certificate(panel: Panel, image: str) -> None:
    container = create(panel, image, command=["sh", "-c", "echo last words; sleep 1; exit 7"], labels={"e2e": "wait"})
    status, told = panel.request("GET", f"containers/{container}/wait/", wait_s=30)
    assert (status, told["is_met"], told["state"]["exit_code"]) == (200, True, 7)
    (death,) = panel.request("GET", f"containers/{container}/inspect/")[1]["deaths"]
    assert (death["exit_code"], death["last_lines"]) == (7, ["last words"])
    assert panel.request("GET", f"containers/{container}/stats/")[0] == 409

    would = panel.request("GET", "containers/prunable/?label=e2e=wait")[1]
    assert [one["id"] for one in would["containers"]] == [container]
    assert would["size_bytes"] > 0
    result = done(panel, "POST", "containers/prune/", {"labels": ["e2e=wait"]})["result"]
    assert [one["id"] for one in result["containers"]] == [container]
    assert panel.request("GET", f"containers/{container}/")[0] == 404


def test_readings_of_what_it_uses_are_streamed_until_its_end(panel: Panel, image: str) -> None:
    container = create(panel, image, command=["sleep", "2"], auto_remove=True)
    _, lines = raw(panel, "GET", f"containers/{container}/stats/?stream=1&interval_s=0.5")
    readings = [json.loads(line) for line in lines.splitlines()]
    assert len(readings) >= 2
    assert readings[0]["rates"] is None
    assert readings[1]["rates"]["cpu_percent"] >= 0


def test_a_value_nobody_knows_is_refused_by_its_name(panel: Panel, image: str) -> None:
    status, problem = panel.request("POST", "containers/", {"image": image, "comand": ["ls"]})
    assert (status, problem["errors"][0]["field"]) == (422, "comand")
    status, problem = panel.request("POST", "containers/", {"image": image, "health": {"interval_s": "often"}})
    assert (status, problem["errors"][0]["field"]) == (422, "health.interval_s")
    status, problem = panel.request("POST", "containers/", {"image": image, "start": "perhaps"})
    assert (status, problem["errors"][0]["field"]) == (422, "start")


def test_volumes_are_made_used_and_removed(panel: Panel, image: str) -> None:
    made = done(panel, "POST", "volumes/", {"name": "e2e-rest", "labels": {"team": "blue"}})
    assert made["result"]["volume"]["labels"] == {"team": "blue"}
    mounts = [{"type": "volume", "source": "e2e-rest", "target": "/data"}, {"type": "volume", "target": "/own"}]
    container = create(panel, image, name="user-of-e2e", command=["true"], mounts=mounts)
    assert panel.request("GET", "volumes/e2e-rest/")[1]["used_by"] == ["user-of-e2e"]
    assert "e2e-rest" in [volume["name"] for volume in panel.request("GET", "volumes/")[1]["results"]]
    status, problem = panel.request("DELETE", "volumes/e2e-rest/", wait_s=30)
    assert (status, problem["code"]) == (409, "conflict")

    own = panel.request("GET", f"containers/{container}/inspect/")[1]["volumes"]["/own"]
    done(panel, "DELETE", f"containers/{container}/?force=1&with_volumes=1")
    assert panel.request("GET", f"volumes/{own}/")[0] == 404
    unused = panel.request("GET", "volumes/?unused=1&with_named=1")[1]["results"]
    assert "e2e-rest" in [volume["name"] for volume in unused]
    done(panel, "DELETE", "volumes/e2e-rest/")
    assert "removed" in done(panel, "POST", "volumes/prune/", {})["result"]


def test_a_volume_is_backed_up_changed_and_restored(panel: Panel) -> None:
    asked = {"name": "e2e-kept", "size_bytes": 32 << 20, "uid": 7}
    made = done(panel, "POST", "volumes/", asked)["result"]["volume"]
    assert (made["quota"], made["size_bytes"]) == ("loop", 32 << 20)
    backup = done(panel, "POST", "volumes/e2e-kept/backups/", {"freeze": True})["result"]["backup"]
    assert panel.request("GET", "volumes/e2e-kept/backups/")[1]["results"] == [backup]
    into = {"into": "e2e-again"}
    again = done(panel, "POST", f"volumes/e2e-kept/backups/{backup['id']}/restore/", into)["result"]["volume"]
    assert (again["name"], again["size_bytes"]) == ("e2e-again", 32 << 20)
    status, problem = panel.request("POST", f"volumes/e2e-kept/backups/{backup['id']}/restore/", {}, wait_s=30)
    assert (status, problem["code"]) == (409, "conflict")
    done(panel, "POST", "volumes/e2e-again/rename/", {"new_name": "e2e-renamed"})
    done(panel, "POST", "volumes/e2e-renamed/clone/", {"new_name": "e2e-cloned"})
    would = panel.request("POST", "volumes/prune/", {"dry_run": True, "with_named": True})[1]
    names = {volume["name"] for volume in would["volumes"]}
    assert names >= {"e2e-kept", "e2e-renamed", "e2e-cloned"}
    assert would["freed_bytes"] > 0
    for name in ("e2e-kept", "e2e-renamed", "e2e-cloned"):
        done(panel, "DELETE", f"volumes/{name}/")
    assert len(panel.request("GET", "volumes/e2e-kept/backups/")[1]["results"]) == 1
    done(panel, "DELETE", f"volumes/e2e-kept/backups/{backup['id']}/")
