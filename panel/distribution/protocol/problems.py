"""The one map from what may go wrong to the specification's error documents."""

import logging
from collections.abc import Mapping

from panel.distribution.credentials import CredentialsRefused, TooManyAttempts
from panel.distribution.errors import InUse, RangeInvalid
from panel.distribution.protocol.messages import Answer, Call, document
from panel.errors import NotPermitted, Refused

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 60


class Challenged(Exception):
    """The visitor has to show other credentials. `scope` is what a token would have to be for."""

    def __init__(self, scope: str, error: str = "") -> None:
        super().__init__(scope)
        self.scope = scope
        self.error = error


def problem(status: int, word: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error document of one error."""
    return document(status, {"errors": [{"code": word, "message": message, "detail": {}}]}, headers)


def answer(call: Call, error: Exception) -> Answer:
    """What the client gets to hear. An error nobody expected goes to the log, whole."""
    match error:
        case Challenged():
            return challenge(call, error.scope, error.error)
        case CredentialsRefused():
            return challenge(call, "", "invalid_token")
        case TooManyAttempts():
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            return problem(429, "TOOMANYREQUESTS", "too many failed attempts to sign in; wait a minute", retry)
        case NotPermitted():
            return problem(403, "DENIED", "you may not do this here")
        case RangeInvalid():
            return problem(416, error.word, str(error.message), {"Range": span(error.length)})
        case InUse() if call.method == "DELETE":  # the specification knows no conflict there
            return problem(405, "UNSUPPORTED", _words(error), {"Allow": "GET, HEAD"})
        case Refused():
            return problem(getattr(error, "status", 400), getattr(error, "word", "UNKNOWN"), _words(error))
    logger.error("%s %s failed", call.method, call.path, exc_info=error)
    return problem(500, "UNKNOWN", "this is a fault of the panel's; its log says what happened")


def _words(error: Refused) -> str:
    message = str(error.message).removesuffix(".")
    return f"{message}. {error.hint}" if error.hint else message


def challenge(call: Call, scope: str, error: str) -> Answer:
    """401, and where tokens are to be had."""
    service = call.origin.partition("://")[2]
    parts = {"realm": f"{call.origin}/v2/token", "service": service, "scope": scope, "error": error}
    offer = "Bearer " + ",".join(f'{name}="{value}"' for name, value in parts.items() if value)
    return problem(401, "UNAUTHORIZED", "sign in to do this", {"WWW-Authenticate": offer})


def span(length: int) -> str:
    """The header `Range` of an upload with so many bytes in it."""
    return f"0-{max(0, length - 1)}"
