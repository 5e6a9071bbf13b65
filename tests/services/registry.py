"""Debian's docker-registry on loopback: open to all, with names and passwords, with TLS by its own authority."""

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.panel import free_port
from tests.services.processes import running
from tests.services.token_server import ISSUER, SERVICE

USER, PASSWORD = "hana", "moorings and knots"
# of PASSWORD, by htpasswd -B
HTPASSWD = "hana:{hash}\n"


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that answers. `name` is how references call it; `ca` the PEM of its authority, if it has TLS."""

    name: str
    ca: str = ""
    user: str = ""
    password: str = ""

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """One request below `/v2/`: status and body."""
        url = f"{'https' if self.ca else 'http'}://{self.name}/v2/{path}"
        request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
        if self.user:
            basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {basic}")
        context = ssl.create_default_context(cadata=self.ca) if self.ca else None
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def put(self, archive: Path, repository: str) -> str:
        """Push the one image of a `docker save` archive there by skopeo; its full reference."""
        reference = f"{self.name}/{repository}"
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
        command += ["--dest-creds", f"{self.user}:{self.password}"] if self.user else []
        subprocess.run(
            [*command, f"docker-archive:{archive}", f"docker://{reference}"], check=True, capture_output=True
        )
        return reference

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self.request("GET", "")[0] in (200, 401)
        except OSError:
            return False


@contextmanager
def registry_running(
    folder: Path, *, is_closed: bool = False, has_tls: bool = False, realm: str = ""
) -> Iterator[RunningRegistry]:
    """A registry with an empty store below `folder`; closed ones ask for USER and PASSWORD.

    One with a `realm` takes the tokens that a token server there signs with the certificate in `folder`.
    """
    name = f"127.0.0.1:{free_port()}"
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}, "delete": {"enabled": True}},
        "http": {"addr": name, **({"tls": certificate(folder)} if has_tls else {})},
    }
    if is_closed:
        (folder / "htpasswd").write_text(HTPASSWD.format(hash=_bcrypt(PASSWORD)))
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    if realm:
        bundle = str(folder / "ca.pem")
        config["auth"] = {"token": {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}}
    (folder / "config.json").write_text(json.dumps(config))  # JSON is YAML
    ca = (folder / "ca.pem").read_text() if has_tls else ""
    user, password = (USER, PASSWORD) if is_closed else ("", "")
    registry = RunningRegistry(name, ca, user, password)
    command = ["docker-registry", "serve", str(folder / "config.json")]
    with running(command, log=folder / "log", answers=registry.is_up):
        yield registry


def certificate(folder: Path, *hosts: str) -> dict[str, str]:
    """A key and a certificate for 127.0.0.1, registry.test and `hosts`, by an authority of their own: `ca.pem`."""
    names = ",".join(f"DNS:{host}" for host in ("registry.test", *hosts))
    key, signed, ca = folder / "key.pem", folder / "cert.pem", folder / "ca.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for command in (
        ["req", "-x509", *curve, "-subj", "/CN=test authority", "-keyout", str(folder / "ca.key"), "-out", str(ca)],
        [
            *(
                "req",
                "-x509",
                *curve,
                "-subj",
                "/CN=registry",
                "-addext",
                f"subjectAltName=IP:127.0.0.1,DNS:localhost,{names}",
            ),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(ca), "-CAkey", str(folder / "ca.key")),
            *("-keyout", str(key), "-out", str(signed)),
        ],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return {"certificate": str(signed), "key": str(key)}


def _bcrypt(password: str) -> str:
    """As htpasswd writes it; crypt(3) of this system makes it."""
    perl = "print crypt($ARGV[0], '$2b$05$abcdefghijklmnopqrstuu')"
    made = subprocess.run(["perl", "-e", perl, password], check=True, capture_output=True, text=True).stdout
    return made.replace("$2b$", "$2y$", 1)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One that is open to all, without TLS."""
    with registry_running(tmp_path_factory.mktemp("registry")) as running_registry:
        yield running_registry


@pytest.fixture(scope="session")
def closed_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One with TLS that asks for a name and a password."""
    with registry_running(tmp_path_factory.mktemp("closed"), is_closed=True, has_tls=True) as running_registry:
        yield running_registry
