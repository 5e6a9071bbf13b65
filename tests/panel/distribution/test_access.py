"""Who may do what in the registry, and how they prove who they are."""

import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.distribution import tokens
from panel.distribution.models import Namespace, Repository
from tests.panel.conftest import make_user
from tests.panel.distribution.conftest import Client, Reply, basic, digest_of
from tests.services.distribution import Server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_has_failed_yet() -> None:
    cache.clear()


def token(client: Client, *scopes: str, authorization: str | None = None, **parameters: str) -> Reply:
    """What `/v2/token` answers."""
    query = "&".join([*(f"scope={scope}" for scope in scopes), urlencode(parameters)])
    headers = {} if authorization is None else {"authorization": authorization}
    return client.ask("GET", f"/v2/token?service={client.address}&{query}", **headers)


def bearing(client: Client, *scopes: str) -> dict[str, str]:
    """The header with a token for those scopes."""
    return {"authorization": f"Bearer {token(client, *scopes).json['token']}"}


def denied() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(outcome="denied").order_by("number")
    return list(rows.values_list("actor_name", "action", "object_name"))


def test_somebody_unknown_is_told_where_tokens_are_to_be_had(olga: Client, nobody: Client) -> None:
    olga.push_image("1.0")
    realm = f'Bearer realm="http://{nobody.address}/v2/token",service="{nobody.address}"'

    for path in ("olga/app", "not/there"):
        answer = nobody.ask("GET", f"/v2/{path}/manifests/1.0")
        assert (answer.status, answer.word) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == f'{realm},scope="repository:{path}:pull"'
    assert nobody.ask("GET", "/v2/").headers["www-authenticate"] == realm
    push = nobody.ask("POST", "/v2/olga/app/blobs/uploads/")
    assert push.headers["www-authenticate"] == f'{realm},scope="repository:olga/app:pull,push"'


def test_a_token_for_nobody_opens_only_what_is_public(olga: Client, nobody: Client) -> None:
    olga.push_image("1.0")
    scopes = ("repository:olga/app:pull,push", "repository:not/there:pull")

    for path in ("olga/app", "not/there"):
        answer = nobody.ask("GET", f"/v2/{path}/manifests/1.0", **bearing(nobody, *scopes))
        assert (answer.status, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (401, True)
    Namespace.objects.update(visibility="public")

    assert nobody.ask("GET", "/v2/", **bearing(nobody)).status == 200
    assert nobody.ask("GET", "/v2/olga/app/manifests/1.0", **bearing(nobody, *scopes)).status == 200
    assert nobody.ask("POST", "/v2/olga/app/blobs/uploads/", **bearing(nobody, *scopes)).status == 401
    row = AuditEntry.objects.get(action="distribution.pull")
    assert (row.actor, row.actor_name, row.how) == (None, "", "anonymous")


def test_a_token_is_good_for_what_it_was_asked_for_and_nothing_else(olga: Client) -> None:
    olga.push_image("1.0")
    pull = bearing(olga, "repository:olga/app:pull")

    assert olga.ask("GET", "/v2/olga/app/manifests/1.0", **pull).status == 200
    for method, path in (
        ("DELETE", "olga/app/manifests/1.0"),
        ("POST", "olga/app/blobs/uploads/"),
        ("GET", "olga/other/tags/list"),
        ("GET", "_catalog"),
    ):
        answer = olga.ask(method, f"/v2/{path}", **pull)
        assert (answer.status, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (401, True), path
    both = bearing(olga, "repository:olga/app:pull,push", "registry:catalog:*")
    assert olga.ask("POST", "/v2/olga/app/blobs/uploads/", **both).status == 202
    assert olga.ask("GET", "/v2/_catalog", **both).status == 200


def test_a_blob_is_found_only_where_the_token_reaches(olga: Client) -> None:
    path = f"/v2/olga/two/blobs/uploads/?mount={olga.push_blob(b'x', 'olga/one')}"
    push, pull = "repository:olga/two:pull,push", "repository:olga/one:pull"

    assert olga.ask("POST", path, **bearing(olga, push)).status == 202
    assert olga.ask("POST", f"{path}&from=olga/one", **bearing(olga, push)).status == 202
    assert olga.ask("POST", path, **bearing(olga, push, pull)).status == 201


def test_name_and_password_sign_in_at_the_token_alone(olga: Client, operator: User) -> None:
    olga.push_image("1.0")
    by_password = basic("olga", "olga's password")

    assert olga.ask("GET", "/v2/", authorization=by_password).status == 401
    answer = token(olga, "repository:olga/app:pull", authorization=by_password)
    assert (answer.status, answer.json["expires_in"]) == (200, 300)
    headers = {"authorization": f"Bearer {answer.json['access_token']}"}
    assert olga.ask("GET", "/v2/olga/app/manifests/1.0", **headers).status == 200
    assert AuditEntry.objects.get(action="distribution.pull").how == "password"


def exchange(client: Client, **form: str) -> Reply:
    """What `/v2/token` answers to a form."""
    return client.ask("POST", "/v2/token", urlencode(form), content_type="application/x-www-form-urlencoded")


def test_a_form_signs_in_and_gives_a_token_to_sign_in_with_later(nobody: Client, olga: Client, operator: User) -> None:
    olga.push_image("1.0")
    wanted = {"client_id": "test", "service": nobody.address, "scope": "repository:olga/app:pull"}
    secret = {"grant_type": "password", "username": "olga", "password": "olga's password"}

    first = exchange(nobody, **wanted, **secret, access_type="offline")
    assert (first.status, first.json["expires_in"]) == (200, 300)
    assert first.json["scope"] == "repository:olga/app:pull"
    identity = first.json["refresh_token"]
    again = exchange(nobody, **wanted, grant_type="refresh_token", refresh_token=identity)
    assert "refresh_token" not in again.json
    by_api_token = exchange(nobody, **wanted, **(secret | {"password": olga.secret}))
    for answer in (first, again, by_api_token):
        headers = {"authorization": f"Bearer {answer.json['access_token']}"}
        assert nobody.ask("GET", "/v2/olga/app/manifests/1.0", **headers).status == 200
        assert nobody.ask("POST", "/v2/olga/app/blobs/uploads/", **headers).status == 401
    assert AuditEntry.objects.filter(action="distribution.pull", actor=operator).count() == 3
    offline = token(olga, authorization=basic("olga", "olga's password"), offline_token="true")
    assert exchange(nobody, grant_type="refresh_token", refresh_token=offline.json["refresh_token"]).status == 200


def test_an_identity_token_is_good_for_nothing_else_and_ends(
    nobody: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"grant_type": "password", "username": "olga", "password": "olga's password", "access_type": "offline"}
    identity = exchange(nobody, **secret).json["refresh_token"]

    def status() -> int:
        return exchange(nobody, grant_type="refresh_token", refresh_token=identity).status

    assert nobody.ask("GET", "/v2/", authorization=f"Bearer {identity}").status == 401
    assert nobody.ask("GET", "/v2/", authorization=basic("olga", identity)).status == 401
    assert status() == 200
    with monkeypatch.context() as patched:
        now = time.time()
        patched.setattr(time, "time", lambda: now + tokens.IDENTITY_VALID_S + 1)
        assert status() == 401
    operator.set_password("another")
    operator.save()
    assert status() == 401


def test_a_form_that_shows_nothing_right_is_refused(nobody: Client, operator: User) -> None:
    wrong = {"grant_type": "password", "username": "olga", "password": "wrong"}
    for form, status in (
        (wrong, 401),
        (wrong | {"password": "moorage_wrong"}, 401),
        (wrong | {"username": "\0"}, 401),
        ({"grant_type": "password"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "implicit"}, 400),
        ({"x": "y" * 100_000}, 400),
        ({}, 400),
    ):
        assert exchange(nobody, **form).status == status, form
    assert ("olga", "accounts.sign_in", "olga") in denied()
    assert [exchange(nobody, **wrong).status for _ in range(5)][-1] == 429


def test_an_api_token_is_taken_with_its_own_users_name_or_as_a_bearer(olga: Client, vera: Client) -> None:
    assert olga.ask("GET", "/v2/", authorization=f"Bearer {olga.secret}").status == 200
    assert olga.ask("GET", "/v2/", authorization=basic("vera", olga.secret)).status == 401
    for wrong in ("Bearer moorage_wrong", "Bearer wrong", "Basic !", "Basic b2xnYQ==", "Digest x", basic("olga", "x")):
        answer = olga.ask("GET", "/v2/", authorization=wrong)
        assert (answer.status, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True), wrong
    assert token(olga, authorization=basic("olga", "moorage_wrong")).status == 401


def test_wrong_passwords_are_written_down_and_slowed(olga: Client) -> None:
    answers = [token(olga, authorization=basic("olga", f"guess {number}")) for number in range(6)]

    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert (answers[5].word, answers[5].headers["retry-after"]) == ("TOOMANYREQUESTS", "60")
    assert token(olga, authorization=basic("olga", "olga's password")).status == 429
    assert denied() == [("olga", "accounts.sign_in", "olga")] * 5
    assert token(olga, authorization=basic("olga", olga.secret)).status == 200


def test_a_token_ends_with_its_time_or_its_user(olga: Client, operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = bearing(olga)
    assert olga.ask("GET", "/v2/", **headers).status == 200
    with monkeypatch.context() as patched:
        now = time.time()
        patched.setattr(time, "time", lambda: now + tokens.VALID_S + 1)
        assert olga.ask("GET", "/v2/", **headers).status == 401
    User.objects.update(is_active=False)

    assert olga.ask("GET", "/v2/", **headers).status == 401
    assert olga.ask("GET", "/v2/").status == 401


def test_an_api_tokens_scopes_narrow_what_its_tokens_may(registry_server: Server, olga: Client, operator: User) -> None:
    olga.push_image("1.0")
    reader = Client(registry_server, operator, "distribution.pull")
    wanted = bearing(reader, "repository:olga/app:pull,push")

    for headers in ({}, wanted):
        assert reader.ask("GET", "/v2/olga/app/manifests/1.0", **headers).status == 200
        answer = reader.ask("POST", "/v2/olga/app/blobs/uploads/", **headers)
        assert (answer.status, answer.word) == (403, "DENIED")


def test_what_one_may_not_see_looks_like_what_is_not_there(olga: Client, vera: Client, stan: Client) -> None:
    digest = olga.push_image("1.0")
    for client in (vera, stan):
        for method, path in (
            ("GET", "manifests/1.0"),
            ("HEAD", "manifests/1.0"),
            ("GET", f"blobs/{digest_of(b'layer')}"),
            ("GET", "tags/list"),
            ("DELETE", "manifests/1.0"),
            ("DELETE", f"blobs/{digest_of(b'layer')}"),
        ):
            hidden = client.ask(method, f"/v2/olga/app/{path}")
            unknown = client.ask(method, f"/v2/olga/xyz/{path}")
            assert hidden.status == unknown.status == 404
            assert hidden.body.replace(b"app", b"xyz") == unknown.body
        assert client.ask("GET", f"/v2/olga/app/referrers/{digest}").json["manifests"] == []
    assert ("vera", "distribution.pull", "olga/app") in denied()


def test_who_may_pull_from_which_namespace(olga: Client, vera: Client, stan: Client, operator: User) -> None:
    olga.push_image("1.0")
    may: dict[str, list[int]] = {}
    for visibility in ("private", "internal", "public"):
        Namespace.objects.update(visibility=visibility)
        may[visibility] = [each.ask("GET", "/v2/olga/app/tags/list").status for each in (olga, vera, stan)]

    assert may == {"private": [200, 404, 404], "internal": [200, 200, 404], "public": [200, 200, 200]}


def test_who_may_push_to_which_namespace(olga: Client, vera: Client, ada: Client, registry_server: Server) -> None:
    ada.push_image("1.0", name="team/app")
    digest = ada.push_blob(b"x", "team/app")
    for client, name, status in (
        (olga, "olga/new", 202),
        (olga, "team/app", 403),
        (olga, "team/new", 403),
        (olga, "unknown/new", 403),
        (olga, "vera/new", 403),
        (vera, "vera/new", 403),
        (ada, "unknown/new", 202),
    ):
        answer = client.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status == status, name
        assert status == 202 or answer.word == "DENIED"
    assert olga.push_manifest({"schemaVersion": 2}, "1.0", "team/app").status == 403
    assert olga.ask("POST", f"/v2/team/app/blobs/uploads/?mount={digest}&from=olga/new").status == 403
    assert not Repository.objects.filter(name__in=("team/new", "vera/new")).exists()
    assert ("olga", "distribution.push", "team/app") in denied()


def test_who_may_not_push_hears_why_and_where_they_may(
    olga: Client, vera: Client, ada: Client, registry_server: Server, operator: User
) -> None:
    ada.push_image("1.0", name="team/app")
    group = Group.objects.create(name="harbour")

    def words(client: Client, name: str = "team/app", method: str = "POST") -> str:
        path = "blobs/uploads/" if method == "POST" else "manifests/1.0"
        answer = client.ask(method, f"/v2/{name}/{path}")
        assert (answer.status, answer.word) == (403, "DENIED")
        return str(answer.json["errors"][0]["message"])

    assert words(olga) == words(olga, "team/new") == "the namespace 'team' is not yours; push to olga/…"
    assert words(olga, "nobody/app") == "the namespace 'nobody' is not yours; push to olga/…"
    Namespace.objects.filter(name="team").update(visibility="internal", group=group)
    assert words(olga) == "the namespace 'team' belongs to ada and harbour; push to olga/…"
    assert words(olga, method="DELETE") == "the namespace 'team' belongs to ada and harbour"
    assert words(vera) == "this takes the permission distribution.push, which you have not"
    reader = Client(registry_server, operator, "distribution.pull")
    assert words(reader) == "this takes the permission distribution.push, which this API token has not"


def test_a_group_may_own_a_namespace(olga: Client, ada: Client, registry_server: Server, operator: User) -> None:
    ada.push_image("1.0", name="team/app")
    group = Group.objects.create(name="harbour")
    Namespace.objects.filter(name="team").update(group=group)
    operator.groups.add(group)
    other = Client(registry_server, make_user("otto", "operator"))

    assert olga.push_image("1.1", name="team/app")
    assert olga.ask("DELETE", "/v2/team/app/manifests/1.0").status == 202
    assert other.ask("POST", "/v2/team/app/blobs/uploads/").status == 403


def test_deleting_takes_a_permission_of_its_own(
    olga: Client, vera: Client, registry_server: Server, operator: Any
) -> None:
    olga.push_image("1.0")
    Namespace.objects.update(visibility="internal")
    pusher = Client(registry_server, operator, "distribution.pull", "distribution.push")

    for client in (vera, pusher):
        answer = client.ask("DELETE", "/v2/olga/app/manifests/1.0")
        assert (answer.status, answer.word) == (403, "DENIED")
    assert olga.ask("DELETE", "/v2/olga/app/manifests/1.0").status == 202
