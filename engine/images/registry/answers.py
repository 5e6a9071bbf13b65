"""Reads what a registry answers when it does not do what was asked, and says it in the engine's errors."""

import json
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from urllib3.exceptions import HTTPError

from engine.errors import EngineError, NotFound, RateLimited, RegistryError, Unauthorized, Unreachable
from engine.images.documents import printable
from engine.images.registry.transport import Response

MOST_BYTES = 64 << 10
_FIRST_TIME_S = 1_000_000_000
_ALLOWANCE = re.compile(r"(\d{1,9});w=(\d{1,9})")


def failure(response: Response, what: str, registry: str, *, signed_in_as: str = "") -> EngineError:
    """The error an answer is; `what` was asked for, as in `the manifest of busybox:latest`. Reads the answer's body."""
    code, words = _first_error(response)
    said = f": {words}" if words else ""
    match response.status:
        case 401 | 403:
            return refused(registry, what, said, signed_in_as, code)
        case 407:
            hint = "Write them into the proxy's address in the host's environment: http://user:password@proxy:3128."
            return Unreachable(f"the proxy on the way to {registry} wants a user and a password", hint=hint)
        case 404:
            return NotFound(f"{registry} has not {what}{said}", hint="Check name and tag.")
        case 429:
            after_s = retry_after_s(response)
            hint = f"It may be asked again in {after_s} seconds." if after_s else "Ask again later."
            hint = " ".join(filter(None, (allowance(response), hint, "" if signed_in_as else "Who signs in may more.")))
            return RateLimited(f"{registry} was asked too often{said}", retry_after_s=after_s, hint=hint)
    told = f"{registry} answered {response.status} when asked for {what}{said}"
    return RegistryError(told, status=response.status, hint="That is the registry's own fault, or a proxy's before it.")


def refused(registry: str, what: str, said: str, signed_in_as: str, code: str = "") -> Unauthorized:
    """The error for who may not have something."""
    if signed_in_as:
        hint = "Check the user name and password, and what this user may do there."
        return Unauthorized(f"{registry} refuses {signed_in_as} {what}{said}", hint=hint)
    hint = "Add a credential for this registry. Of what does not exist registries often say the same."
    return Unauthorized(f"{registry} does not give everybody {what}{said}", hint=hint)


def retry_after_s(response: Response) -> int:
    """The seconds of the header `Retry-After`, which may be a date, or Docker Hub's seconds since 1970; 0 for none."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        told = int(text[:12])
        return told if told < _FIRST_TIME_S else max(0, told - int(time.time()))
    try:
        at = parsedate_to_datetime(text)
        return max(0, round((at - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError, IndexError):
        return 0


def allowance(response: Response) -> str:
    """What Docker Hub's header `RateLimit-Limit` (`100;w=21600`) allows, as a sentence; empty where it says nothing."""
    match = _ALLOWANCE.fullmatch(response.headers.get("RateLimit-Limit", "").strip())
    if match is None:
        return ""
    window_s = int(match[2])
    window = f"{window_s // 3600} hours" if window_s % 3600 == 0 else f"{window_s} seconds"
    return f"It allows {match[1]} pulls in {window}."


def body(response: Response, most_bytes: int, what: str) -> bytes:
    """The whole body. Raises RegistryError for one that is longer, or that ends early."""
    try:
        data = response.read(most_bytes + 1)
    except HTTPError as error:
        response.close()
        raise RegistryError(f"{what} was cut short", status=response.status, hint="Try again.") from error
    if len(data) > most_bytes:
        response.close()
        raise RegistryError(f"{what} is longer than {most_bytes} bytes", status=response.status)
    response.release_conn()
    return data


def _first_error(response: Response) -> tuple[str, str]:
    """Code and words of the first of the body's `errors`; empty where it has another form."""
    try:
        value: Any = json.loads(body(response, MOST_BYTES, "an answer"))
        first = value["errors"][0]
        code, message = str(first.get("code", "")), str(first.get("message", ""))
    except (RegistryError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return "", ""
    return printable(code), printable(f"{message} ({code})" if code and message else message or code)
