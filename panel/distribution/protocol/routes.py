"""Which request means what: one table, and the one way a request is answered."""

import re
from collections.abc import Callable
from typing import Any

from panel.distribution import credentials
from panel.distribution.protocol import blobs, lists, manifests, problems, signing_in, uploads
from panel.distribution.protocol.messages import Call, Reply

VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
TOKEN = "/v2/token"  # noqa: S105 - an address

Handler = Callable[..., Reply]

_TABLE: tuple[tuple[str, dict[str, Handler]], ...] = (
    (r"/v2/?", {"GET": signing_in.version, "HEAD": signing_in.version}),
    (TOKEN, {"GET": signing_in.token}),
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


def takes_manifest(method: str, path: str) -> bool:
    """Whether the request's body is wanted whole before it is answered."""
    return method == "PUT" and found(path)[0].get("PUT") is manifests.push


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
    return handler(call, visitor, **parts)
