"""Which request means what: one table, and the one way a request is answered."""

import re
from collections.abc import Callable
from typing import Any

from panel.distribution import access, credentials, documents
from panel.distribution.protocol import blobs, lists, manifests, problems, signing_in, uploads
from panel.distribution.protocol.messages import Call, Reply
from panel.errors import NotPermitted

VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
TOKEN = "/v2/token"  # noqa: S105 - an address

Handler = Callable[..., Reply]

_TABLE: tuple[tuple[str, dict[str, Handler]], ...] = (
    (r"/v2/?", {"GET": signing_in.version, "HEAD": signing_in.version}),
    (TOKEN, {"GET": signing_in.token, "POST": signing_in.exchange}),
    (r"/v2/_catalog", {"GET": lists.catalog}),
    (r"/v2/(?P<name>.+)/tags/list", {"GET": lists.tags}),
    (r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)", {"GET": lists.referrers}),
    (
        r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)",
        {"GET": manifests.pull, "HEAD": manifests.look, "PUT": manifests.push, "DELETE": manifests.delete},
    ),
    (r"/v2/(?P<name>.+)/blobs/uploads/?", {"POST": uploads.begin}),
    (
        r"/v2/(?P<name>.+)/blobs/uploads/(?P<upload>[^/]+)",
        {"GET": uploads.status, "PATCH": uploads.append, "PUT": uploads.complete, "DELETE": uploads.cancel},
    ),
    (
        r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)",
        {"GET": blobs.pull, "HEAD": blobs.look, "DELETE": blobs.delete},
    ),
)
ROUTES = [(re.compile(path), handlers) for path, handlers in _TABLE]


def taken_whole(method: str, path: str) -> int:
    """How long a body may be that is wanted whole before the request is answered; 0 for one that is not."""
    handler = found(path)[0].get(method)
    if handler is manifests.push:
        return documents.LONGEST_BYTES
    return signing_in.LONGEST_FORM_BYTES if handler is signing_in.exchange else 0


def found(path: str) -> tuple[dict[str, Handler], dict[str, Any]]:
    """The handlers of an address by method, and the parts of the address."""
    for pattern, handlers in ROUTES:
        if match := pattern.fullmatch(path):
            return handlers, match.groupdict()
    return {}, {}


def respond(call: Call) -> Reply:
    """The answer, whatever happens; asks the database, so it is called in a thread."""
    try:
        return _respond(call)
    except Exception as error:
        return problems.answer(call, error)


def _respond(call: Call) -> Reply:
    if not call.origin:
        return problems.problem(400, "UNSUPPORTED", "the panel does not answer to this host name")
    handlers, parts = found(call.path)
    if not handlers:
        return problems.problem(404, "UNSUPPORTED", "there is no such address in the registry")
    handler = handlers.get(call.method)
    if handler is None:
        allow = {"Allow": ", ".join(handlers)}
        return problems.problem(405, "UNSUPPORTED", f"{call.method} is not supported here", allow)
    visitor = credentials.visitor(
        call.headers.get("authorization", ""),
        call.address,
        passwords_at=call.headers["host"] if call.path == TOKEN else "",
    )
    try:
        return handler(call, visitor, **parts)
    except NotPermitted as error:
        is_push = call.method != "DELETE"
        words = access.refusal(visitor.actor, parts["name"], error.permission, is_push=is_push)
        return problems.problem(403, "DENIED", words)
