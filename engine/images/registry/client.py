"""The client of one registry: is it there and who are we, manifests, blobs."""

import hashlib
import io
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from engine.errors import EngineError, NotFound, RegistryError, Unreachable
from engine.images.documents import digest_of, document
from engine.images.limits import MAXIMUM_DOCUMENT_BYTES
from engine.images.reference import Reference
from engine.images.registry import answers
from engine.images.registry.authentication import Authenticator
from engine.images.registry.endpoints import Endpoint, homes, mirrors
from engine.images.registry.transport import ONCE, RETRIES, Response, Transport
from engine.spec.image import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
)
from engine.spec.registry import RegistryAccess

T = TypeVar("T")
ACCEPTED = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST))
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class FetchedManifest:
    """A manifest or index as a registry has it: `data` is empty where only its head was asked for."""

    media_type: str
    digest: str
    data: bytes = b""


@dataclass(frozen=True)
class Request:
    """What is asked of an endpoint: `path` below its `/v2/`, or a whole address; `body` opens what is sent.

    One that is no `is_repeatable` is not sent again by itself when its connection is cut.
    """

    method: str
    path: str
    scope: str
    headers: Mapping[str, str]
    what: str
    body: Callable[[], BinaryIO] | None = None
    is_repeatable: bool = True


class RegistryClient:
    """Asks one registry, its mirrors first where something is only read. A context manager, for its connections.

    Everything raises Unreachable, Unauthorized, RateLimited, NotFound or RegistryError.
    """

    def __init__(self, access: RegistryAccess) -> None:
        self._access = access
        self._transport = Transport(access)
        self._authenticator = Authenticator(access, self._transport)
        self._home: Endpoint | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def check(self) -> None:
        """Whether the registry is there and takes the credentials (spec.md, "Determining Support")."""
        response = self.ask_home(Request("GET", "", "", {}, "a sign-in"))
        answers.body(response, MAXIMUM_DOCUMENT_BYTES, "the answer")

    def head(self, reference: Reference) -> FetchedManifest:
        """Type and digest of the manifest, without fetching it where the registry tells them."""
        request = _to_read("HEAD", reference, "manifests", _target(reference), {"Accept": ACCEPTED})

        def told(response: Response, is_home: bool) -> FetchedManifest:
            response.release_conn()
            if not is_home:
                _check_type(response)
            return FetchedManifest(_media_type(response), response.headers.get("Docker-Content-Digest", ""))

        found = self._first(request, told)
        return found if _DIGEST.fullmatch(found.digest) else self.manifest(reference)

    def manifest(self, reference: Reference) -> FetchedManifest:
        """The manifest or index, verified where the reference says its digest."""
        target = _target(reference)
        what = f"the manifest {target} of {reference.repository}"

        def verified(response: Response, is_home: bool) -> FetchedManifest:
            data = answers.body(response, MAXIMUM_DOCUMENT_BYTES, what)
            digest = digest_of(data)
            if reference.digest.startswith("sha512:"):
                digest = f"sha512:{hashlib.sha512(data).hexdigest()}"
            if reference.digest and digest != reference.digest:
                raise RegistryError(f"{what} is not what was asked for: its digest is {digest}", status=response.status)
            if not is_home:
                _check_type(response)
                document(Index if _media_type(response) in INDEX_TYPES else Manifest, data, what)
            return FetchedManifest(_media_type(response), digest, data)

        return self._first(_to_read("GET", reference, "manifests", target, {"Accept": ACCEPTED}), verified)

    def small_blob(self, reference: Reference, digest: str, take: Callable[[Response], bytes]) -> bytes:
        """A blob of the reference's repository, read and verified by `take`."""
        return self._first(_to_read("GET", reference, "blobs", digest, {}), lambda response, _: take(response))

    def blob(
        self, reference: Reference, digest: str, *, start: int = 0, without: Collection[Endpoint] = ()
    ) -> tuple[Response, Endpoint | None]:
        """A blob from byte `start` on, to be read, verified and released by the caller, and which mirror it is from.

        The mirrors `without` are not asked.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        request = _to_read("GET", reference, "blobs", digest, headers)
        for mirror in mirrors(self._access):
            if mirror not in without:
                with suppress(EngineError):
                    return self._succeeding(mirror, request), mirror
        return self.ask_home(request), None

    @property
    def has_mirrors(self) -> bool:
        """Whether others than the registry itself may answer."""
        return bool(self._access.mirrors)

    def elsewhere(self, url: str, *, start: int = 0) -> Response:
        """A blob at an address outside of every registry, which is told no credentials. Raises as all of it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise RegistryError(f"{url[:200]!a} is no address of a layer")
        host = Endpoint(f"{parts.scheme}://{parts.netloc}", is_home=False)
        headers = {"Range": f"bytes={start}-"} if start else {}
        return self._succeeding(host, Request("GET", url, "", headers, f"the layer at {url[:200]!a}"))

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Whether the registry itself has the blob in the reference's repository, as one who pushes there sees it."""
        path, what = f"{reference.path}/blobs/{digest}", f"{reference.path}@{digest}"
        try:
            self.ask_home(Request("HEAD", path, _to_push(reference), {}, what)).release_conn()
        except NotFound:
            return False
        return True

    def at_home(self, path: str, location: str) -> str:
        """The whole address that an answer to `path` (below `/v2/`, or an address itself) names as `location`."""
        home = self._home
        assert home is not None  # noqa: S101 - it has answered just now
        return urljoin(urljoin(f"{home.url}/v2/", path), location)

    def put_manifest(self, reference: Reference, media_type: str, data: bytes) -> None:
        """Give the manifest the reference's name there; everything it points to has to be there already."""
        path, what = f"{reference.path}/manifests/{_target(reference)}", f"to take {reference}"
        headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
        request = Request("PUT", path, _to_push(reference), headers, what, lambda: io.BytesIO(data))
        self.ask_home(request).release_conn()

    def _first(self, request: Request, take: Callable[[Response, bool], T]) -> T:
        """What `take` makes of the first answer it does not refuse: each mirror's, then the registry's own, told so.

        A mirror has what it has; only the registry itself says what is wrong.
        """
        for mirror in mirrors(self._access):
            with suppress(EngineError):
                return take(self._succeeding(mirror, request), False)
        return take(self.ask_home(request), True)

    def ask_home(self, request: Request) -> Response:
        """Ask the registry itself, by the first of its addresses that answers at all."""
        candidates = [self._home] if self._home else homes(self._access)
        for endpoint in candidates:
            try:
                response = self._succeeding(endpoint, request)
            except Unreachable:
                if endpoint is candidates[-1]:
                    raise
            else:
                self._home = endpoint
                return response
        raise AssertionError("there is always an address")  # pragma: no cover

    def _succeeding(self, endpoint: Endpoint, request: Request) -> Response:
        """The answer, after a sign-in if one is wanted and behind redirects; an error if it is no success."""
        url = urljoin(f"{endpoint.url}/v2/", request.path)
        said = self._authenticator.headers(endpoint, request.scope)  # another thread may learn meanwhile
        response = self._send(endpoint, url, request)
        if response.status == 401 and self._is_learnt(endpoint, request.scope, response, said):
            response.drain_conn()
            response = self._send(endpoint, url, request)
        for _ in range(MOST_REDIRECTS):
            if response.status not in _REDIRECTS:
                break
            response.drain_conn()
            url = self._next(endpoint, url, response)
            response = self._send(endpoint, url, request)
        if response.status >= 300:
            signed_in_as = self._authenticator.signs_in_as if endpoint.is_home else ""
            raise answers.failure(response, request.what, self._access.registry, signed_in_as=signed_in_as)
        return response

    def _is_learnt(self, endpoint: Endpoint, scope: str, response: Response, said: Mapping[str, str]) -> bool:
        try:
            return self._authenticator.learn(endpoint, scope, response, said)
        except EngineError:
            response.close()
            raise

    def _send(self, endpoint: Endpoint, url: str, request: Request) -> Response:
        """Credentials are told to the endpoint's own host, wherever else it may lead."""
        headers = dict(request.headers)
        if urlsplit(url)[:2] == urlsplit(endpoint.url)[:2]:
            headers |= self._authenticator.headers(endpoint, request.scope)
        is_verified = endpoint.is_verified
        if request.body is None:
            return self._transport.send(request.method, url, headers=headers, is_verified=is_verified)
        retries = RETRIES if request.is_repeatable else ONCE
        with request.body() as body:
            return self._transport.send(
                request.method, url, headers=headers, is_verified=is_verified, body=body, retries=retries
            )

    def _next(self, endpoint: Endpoint, url: str, response: Response) -> str:
        """Where the registry leads to. Raises RegistryError for what verified TLS must not lead to."""
        target = urljoin(url, response.headers.get("Location", ""))
        scheme = urlsplit(target).scheme
        is_downgrade = url.startswith("https:") and endpoint.is_verified and scheme != "https"
        if is_downgrade or scheme not in ("http", "https"):
            raise RegistryError(
                f"{self._access.registry} leads to {target[:200]!a}, which is not safe", status=response.status
            )
        return target


def _to_read(method: str, reference: Reference, kind: str, target: str, headers: Mapping[str, str]) -> Request:
    what = f"{reference.path}{'@' if ':' in target else ':'}{target}"
    return Request(method, f"{reference.path}/{kind}/{target}", f"repository:{reference.path}:pull", headers, what)


def _to_push(reference: Reference) -> str:
    return f"repository:{reference.path}:pull,push"


def _target(reference: Reference) -> str:
    return reference.digest or reference.tag


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _check_type(response: Response) -> None:
    """Raises RegistryError for what is perhaps a page to sign in at."""
    if _media_type(response) not in INDEX_TYPES | MANIFEST_TYPES:
        raise RegistryError("the answer is no manifest", status=response.status)
