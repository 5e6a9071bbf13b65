"""Who may do what."""

import pytest
from django.test import RequestFactory

from panel.accounts.actors import Actor, How
from panel.accounts.models import Token, User
from panel.accounts.roles import ADMIN, OPERATOR, PERMISSIONS, VIEWER
from tests.panel.conftest import acting


@pytest.mark.parametrize(("role", "permissions"), [("admin", ADMIN), ("operator", OPERATOR), ("viewer", VIEWER)])
def test_a_role_holds_exactly_its_permissions(
    role: str, permissions: frozenset[str], request: pytest.FixtureRequest
) -> None:
    actor = acting(request.getfixturevalue(role))

    assert {permission for permission in PERMISSIONS if actor.may(permission)} == permissions


def test_someone_without_a_role_may_nothing(stranger: User) -> None:
    assert not any(acting(stranger).may(permission) for permission in PERMISSIONS)


def test_a_tokens_scopes_narrow_what_its_user_may(operator: User, rf: RequestFactory) -> None:
    request = rf.get("/", REMOTE_ADDR="192.0.2.9")
    request.user = operator
    request.auth = Token(user=operator, name="t", scopes=["containers.view", "audit.view"])  # type: ignore[attr-defined]

    actor = Actor.from_request(request)

    assert (actor.how, actor.address, actor.name) == (How.TOKEN, "192.0.2.9", "olga")
    assert actor.may("containers.view")
    assert not actor.may("containers.create")  # the user may, the token may not
    assert not actor.may("audit.view")  # the token would, the user may not


def test_an_inactive_user_may_nothing(admin: User) -> None:
    admin.is_active = False

    assert not acting(admin).may("containers.view")


def test_the_command_line_may_everything_and_is_named() -> None:
    actor = Actor.command_line()

    assert actor.may("accounts.manage")
    assert actor.name
    assert actor.how is How.CLI
