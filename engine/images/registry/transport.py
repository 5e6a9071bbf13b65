"""Sends single requests: pooled connections, TLS as it was asked for, the environment's proxies, a few retries."""

import logging
import ssl
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InsecureRequestWarning, ProxyError, SSLError

from engine.errors import Unreachable
from engine.images.registry.proxies import Proxy, proxy_for
from engine.spec.registry import RegistryAccess

Response = urllib3.BaseHTTPResponse
TIMEOUT = urllib3.Timeout(connect=10, read=60)
RETRIES = urllib3.Retry(
    total=4,
    connect=1,
    read=2,
    redirect=0,
    status=3,
    other=0,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.3,
    respect_retry_after_header=False,  # it may be an hour: the caller is told instead
    raise_on_redirect=False,
    raise_on_status=False,
)
ONCE = RETRIES.new(read=0, status=0)
"""For what must not be said twice: part of it may have been heard."""
AGENT = "moorage"
BLOCK_BYTES = 256 << 10

# It logs the whole address of what it tries again; where blobs and uploads are, that holds a key to them.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
urllib3.disable_warnings(InsecureRequestWarning)  # whoever set the registry up has decided it, and the panel shows it


class Transport:
    """The connections for one registry. Redirects and answers that are no success are left to the caller."""

    def __init__(self, access: RegistryAccess) -> None:
        self._authorities = access.ca_certificates
        self._pools: dict[tuple[Proxy | None, bool], urllib3.PoolManager] = {}

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        is_verified: bool = True,
        body: bytes | BinaryIO | None = None,
        retries: urllib3.Retry = RETRIES,
    ) -> Response:
        """The answer, its body not read yet. Raises Unreachable."""
        pool = self._pool(url, is_verified)
        try:
            return pool.request(
                method,
                url,
                body=body,
                headers={"User-Agent": AGENT, **headers},
                preload_content=False,
                redirect=False,
                decode_content=False,
                retries=retries,
                timeout=TIMEOUT,
            )
        except (HTTPError, ValueError) as error:
            raise unreachable(url, error) from error

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, url: str, is_verified: bool) -> urllib3.PoolManager:
        proxy = proxy_for(url)
        key = proxy, is_verified
        if key not in self._pools:
            context = _context(self._authorities, is_verified)
            self._pools[key] = (
                urllib3.ProxyManager(
                    proxy.url, proxy_headers=proxy.headers, ssl_context=context, maxsize=8, blocksize=BLOCK_BYTES
                )
                if proxy
                else urllib3.PoolManager(ssl_context=context, maxsize=8, blocksize=BLOCK_BYTES)
            )
        return self._pools[key]


def unreachable(url: str, error: Exception) -> Unreachable:
    """What to say of a connection that failed."""
    host = urlsplit(url).netloc
    reason = getattr(error, "reason", None) or error
    hint = "Check its name, and whether this host reaches it."
    if isinstance(reason, ProxyError):
        proxy = proxy_for(url)
        return Unreachable(
            f"{host} cannot be reached through the proxy {proxy.url if proxy else ''}: {_said(reason.original_error)}",
            hint="Check the proxy that is named in this host's environment, with its user and password.",
        )
    if isinstance(reason, SSLError):
        hint = "Give the certificate of its authority with the registry, or allow it to be insecure."
    return Unreachable(f"{host} does not answer: {_said(reason)}", hint=hint)


def _said(error: object) -> str:
    """urllib3 puts the connection's own description before what happened."""
    return str(error).rpartition(": ")[2][:300] or type(error).__name__


def _context(authorities: str, is_verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authorities:
        context.load_verify_locations(cadata=authorities)
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
