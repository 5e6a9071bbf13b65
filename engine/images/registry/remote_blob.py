"""A blob of a registry as a stream, which goes on where it was cut."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from urllib3.exceptions import HTTPError

from engine.errors import EngineError, NotFound, RegistryError
from engine.images.reference import Reference
from engine.images.registry.client import RegistryClient
from engine.images.registry.endpoints import Endpoint
from engine.images.registry.transport import Response
from engine.spec.image import Descriptor

MOST_RESUMES = 5
"""Cuts in a row without a byte between them that are borne."""
_FIRST_PAUSE_S = 0.2
_AGAIN = "Try again when the network is well: what has come is kept for a day."


class RemoteBlob(io.RawIOBase):
    """Its bytes, from one of the blob's `urls` where the registry has not got it.

    `on_pause` is called before each resumption and may raise to give up.
    """

    def __init__(
        self, client: RegistryClient, reference: Reference, blob: Descriptor, on_pause: Callable[[], None]
    ) -> None:
        super().__init__()
        self._client, self._reference, self._blob, self._on_pause = client, reference, blob, on_pause
        self._response: Response | None = None
        self._position = 0
        self._cuts = 0
        self._mirror: Endpoint | None = None
        self._took_from: set[Endpoint] = set()
        self._distrusted: set[Endpoint] = set()

    @property
    def may_be_a_mirrors(self) -> bool:
        """Whether wrong bytes are perhaps not the registry's own."""
        return self._client.has_mirrors

    def begin(self, position: int) -> None:
        """Go on from this byte."""
        self._let_go()
        self._position, self._cuts = position, 0

    def distrust(self) -> bool:
        """What has come is wrong: ask none of the mirrors it came from again. False if it came from none."""
        self._distrusted |= self._took_from
        is_mirrors = bool(self._took_from)
        self._took_from = set()
        return is_mirrors

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any, /) -> int:
        """Fill the view as far as the registry gives at once. Raises RegistryError when it is cut again and again."""
        while True:
            try:
                self._response = self._response or self._open()
                count = self._response.readinto(view)
            except HTTPError as error:
                self._let_go()
                self._pause(error)
            else:
                self._position += count
                self._cuts = 0
                if self._mirror and count:
                    self._took_from.add(self._mirror)
                return count

    def close(self) -> None:
        """Let go of the connection."""
        self._let_go()
        super().close()

    def cut(self) -> None:
        """Wake up another thread that reads: what it reads ends here."""
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, RuntimeError):  # it has come to its end by itself
                response.shutdown()

    def _pause(self, error: HTTPError) -> None:
        self._cuts += 1
        self._on_pause()
        if self._cuts > MOST_RESUMES and self._mirror is not None:
            self._distrusted.add(self._mirror)
            self._cuts = 0
        if self._cuts > MOST_RESUMES:
            raise RegistryError(f"{self._blob.digest[:19]}… was cut short again and again", hint=_AGAIN) from error
        time.sleep(_FIRST_PAUSE_S * max(0, self._cuts - 1) ** 2)
        self._on_pause()

    def _let_go(self) -> None:
        if self._response is not None:
            with suppress(HTTPError):
                self._response.close()
            self._response = None

    def _found(self) -> Response:
        try:
            response, self._mirror = self._client.blob(
                self._reference, self._blob.digest, start=self._position, without=self._distrusted
            )
            return response
        except NotFound:
            self._mirror = None
            for url in self._blob.urls or () if _is_foreign(self._blob) else ():
                with suppress(EngineError):  # that the registry has not got it is what is told in the end
                    return self._client.elsewhere(url, start=self._position)
            raise

    def _open(self) -> Response:
        response = self._found()
        if self._position and response.status != 206:  # it knows no ranges: what is known already is passed over
            left = self._position
            while left and (data := response.read(min(left, 1 << 20))):
                left -= len(data)
        return response


def _is_foreign(blob: Descriptor) -> bool:
    """Whether registries are not meant to keep it; of others, addresses in a manifest are not followed."""
    return ".nondistributable." in blob.media_type or ".foreign." in blob.media_type
