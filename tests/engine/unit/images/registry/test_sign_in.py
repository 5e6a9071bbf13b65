"""What registries and their servers of tokens may say wrongly: told by its cause, and no password goes astray."""

from collections.abc import Iterator

import pytest

from engine.errors import EngineError, RegistryError, Unauthorized, Unreachable
from engine.images import resolve
from engine.spec.registry import Credentials, RegistryAccess
from tests.services.faulty_registry import FaultyRegistry
from tests.services.panel import free_port

TOKEN = "/token?service=s&scope=repository%3Aapp%3Apull"


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with FaultyRegistry().running() as registry:
        registry.statuses["/v2/"] = 401
        yield registry


def refusal(faulty: FaultyRegistry, header: str) -> EngineError:
    faulty.headers = {"WWW-Authenticate": header}
    with pytest.raises(EngineError) as caught:
        resolve(f"{faulty.name}/app:1", access=RegistryAccess(faulty.name, Credentials("hana", "secret")))
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize("realm", ["", "ftp://127.0.0.1/token", "token", "//x"])
def test_a_realm_that_is_no_address(faulty: FaultyRegistry, realm: str) -> None:
    error = refusal(faulty, f'Bearer realm="{realm}",service="s"')

    assert isinstance(error, RegistryError)
    assert "names no address that gives out tokens" in error.message


def test_a_realm_where_nobody_answers(faulty: FaultyRegistry) -> None:
    nowhere = f"127.0.0.1:{free_port()}"

    error = refusal(faulty, f'Bearer realm="http://{nowhere}/token",service="s"')

    assert isinstance(error, Unreachable)
    assert nowhere in error.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "holds none"),
        (b"{}", "holds none"),
        (b'{"token": 5}', "holds none"),
        (b'{"token": "a\\nb"}', "holds none"),
        (b'{"token": "x"}', "refuses hana app:1"),
        (b'{"token": "%s"}' % (b"x" * (300 << 10)), "longer than"),
    ],
)
def test_a_server_of_tokens_that_gives_out_something_else(faulty: FaultyRegistry, answer: bytes, words: str) -> None:
    faulty.contents[TOKEN] = ("application/json", answer)

    error = refusal(faulty, f'Bearer realm="http://{faulty.name}/token",service="s"')

    assert words in error.message
    assert [path for _method, path, _start in faulty.requests].count(TOKEN) == 1


def test_a_server_of_tokens_that_is_not_there(faulty: FaultyRegistry) -> None:
    assert "has not a token" in refusal(faulty, f'Bearer realm="http://{faulty.name}/other",service="s"').message


@pytest.mark.parametrize("header", ["", "Negotiate", 'Basic realm="x"'])
def test_a_registry_that_takes_nothing_of_what_is_shown(faulty: FaultyRegistry, header: str) -> None:
    error = refusal(faulty, header)

    assert isinstance(error, Unauthorized)
    assert len(faulty.requests) <= 2
