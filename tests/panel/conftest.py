"""The same cast for every test of the panel: an admin, an operator, a viewer, a stranger, one host, one image."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.contrib.auth.models import Group
from django.test import Client

from panel.accounts.actors import Actor, How
from panel.accounts.models import Token, User
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations import signals

IMAGE_ID = "sha256:" + "1a" * 32


def make_user(name: str, role: str | None) -> User:
    """A user with one role, or with none."""
    user = User.objects.create_user(name, password=f"{name}'s password")
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def admin(db: None) -> User:
    """May do everything."""
    return make_user("ada", "admin")


@pytest.fixture
def operator(db: None) -> User:
    """May work with containers and images."""
    return make_user("olga", "operator")


@pytest.fixture
def viewer(db: None) -> User:
    """May look."""
    return make_user("vera", "viewer")


@pytest.fixture
def stranger(db: None) -> User:
    """May sign in, and nothing else."""
    return make_user("stan", None)


def acting(user: User) -> Actor:
    """The user as an actor who signed in from somewhere."""
    return Actor(user=user, name=user.get_username(), how=How.SESSION, address="192.0.2.7")


def bearer(user: User, *scopes: str) -> dict[str, str]:
    """The header of a new token of the user, with those scopes or with all."""
    _row, secret = Token.objects.create(user=user, name="test", scopes=list(scopes))
    return {"Authorization": f"Bearer {secret}"}


def rest(user: User, *scopes: str) -> Client:
    """A REST client with a token of the user."""
    return Client(headers=bearer(user, *scopes))


@pytest.fixture
def local(db: None) -> Host:
    """The one host."""
    return Host.objects.create(name="local")


@pytest.fixture
def image(local: Host) -> Image:
    """An image on it."""
    return Image.objects.create(
        host=local, image_id=IMAGE_ID, references=["docker.io/library/busybox:latest"], size_bytes=1000
    )


Queue = Callable[[str], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def queue(redis_server: str) -> Iterator[Queue]:
    """What was sent to a queue of the real broker, oldest first: `(task, arguments)`."""
    client = redis.Redis.from_url(redis_server)
    client.flushdb()

    def sent(name: str) -> list[tuple[str, dict[str, Any]]]:
        messages = [json.loads(message) for message in client.lrange(name, 0, -1)]
        return [(message["headers"]["task"], _arguments(message)) for message in reversed(messages)]

    yield sent
    client.flushdb()
    client.close()


def _arguments(message: dict[str, Any]) -> dict[str, Any]:
    import base64

    _args, kwargs, _embed = json.loads(base64.b64decode(message["body"]))
    return dict(kwargs)


@pytest.fixture(autouse=True)
def _forget_the_broker() -> Iterator[None]:
    """No connection is kept from one test to the next."""
    yield
    getattr(signals.client, "cache_clear", lambda: None)()


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Any:
    """A block at whose end everything happens that waits for the commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
