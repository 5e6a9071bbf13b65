"""Registries behind the proxy that the environment names, by Docker's rules; its password is nobody else's."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.errors import Unreachable
from engine.images import check_registry
from engine.images.registry import proxies
from engine.spec.registry import Credentials, RegistryAccess
from tests.services.panel import free_port
from tests.services.proxy import Proxy
from tests.services.registry import PASSWORD, USER, RunningRegistry

VARIABLES = ("http_proxy", "https_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy(secret="hana:p@ss word").running() as proxy:
        yield proxy


def access(proxy: Proxy, registry: RunningRegistry) -> RegistryAccess:
    """To the registry by a name that only the proxy knows."""
    port = int(registry.name.rpartition(":")[2])
    name = f"registry.test:{port}"
    proxy.hosts[name] = ("127.0.0.1", port)
    credentials = Credentials(USER, PASSWORD) if registry.user else None
    return RegistryAccess(name, credentials, registry.ca, is_insecure=not registry.ca)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_tls_goes_through_in_a_tunnel(
    proxy: Proxy, closed_registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    behind = access(proxy, closed_registry)

    check_registry(behind)

    assert proxy.asked == [f"CONNECT {behind.registry}"]


def test_what_is_not_tls_is_asked_of_the_proxy(
    proxy: Proxy, registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
    behind = access(proxy, registry)

    check_registry(behind)

    assert proxy.asked == [f"GET http://{behind.registry}/v2/"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_wrong_with_a_proxy_is_said_without_its_password(
    proxy: Proxy,
    registry: RunningRegistry,
    closed_registry: RunningRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    behind = access(proxy, closed_registry if scheme == "https" else registry)
    for named, words in (
        (proxy.url.replace("p%40ss", "secret"), "407|wants a user and a password"),
        (proxy.url.replace("hana:p%40ss%20word@", ""), "407|wants a user and a password"),
        (f"http://hana:secret@127.0.0.1:{free_port()}", "cannot be reached through the proxy .*refused"),
        ("socks5://hana:secret@127.0.0.1:1080", f"{scheme}_proxy in the host's environment names no proxy"),
        ("http://hana:secret@[::1", f"{scheme}_proxy in the host's environment names no proxy"),
    ):
        monkeypatch.setenv(f"{scheme}_proxy", named)
        with pytest.raises(Unreachable, match=words) as caught:
            check_registry(behind)
        assert "secret" not in f"{caught.value!r} {caught.value.hint} {caplog.text}"


def test_what_no_proxy_is_used_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "inside.test, .below.test, port.test:5000, 10.1.0.0/16,fd00::/8, 192.0.2.7")
    used = {
        name: proxies.proxy_for(f"https://{name}/v2/") is not None
        for name in (
            *("registry.test", "inside.test", "inside.test:5000", "a.inside.test", "notinside.test", "a.below.test"),
            *("port.test", "port.test:5000", "10.1.2.3:5000", "10.2.0.1", "[fd00::1]:5000", "[fe80::1]", "192.0.2.7"),
            *("127.0.0.1:5000", "127.9.9.9", "localhost:5000", "[::1]:5000"),
        )
    }

    assert {name for name, is_used in used.items() if is_used} == {
        *("registry.test", "notinside.test", "port.test", "10.2.0.1", "[fe80::1]"),
    }
    monkeypatch.setenv("no_proxy", "*")
    assert proxies.proxy_for("https://registry.test/v2/") is None
    assert proxies.proxy_for("http://registry.test/v2/") is None


def test_a_proxy_shows_no_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://hana:secret@proxy.test")

    found = proxies.proxy_for("https://registry.test/")

    assert found is not None
    assert (found.url, "secret" in repr(found)) == ("http://proxy.test:80", False)
    assert found.headers == {"proxy-authorization": "Basic aGFuYTpzZWNyZXQ="}
    assert replace(found, authorization="").headers == {}
