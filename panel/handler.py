"""Runs each request's whole middleware chain and view in one thread of a pool whose database connections stay open.

Django's own ASGI handler hands a request over to a thread and back for every synchronous middleware, and gives each
request a new thread, hence a new database connection. Here it is one hand-over, to a thread that has a connection
already; how long that may live is `CONN_MAX_AGE`, as under WSGI. Streams are still iterated on the event loop, and
asynchronous views run there.
"""

from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

THREADS = 16


class PooledHandler(ASGIHandler):
    """`ASGIHandler` with a synchronous chain in a pool of threads."""

    def __init__(self) -> None:
        super().__init__()
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._respond = sync_to_async(self._get_response_in_thread, thread_sensitive=False, executor=pool)

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain as under WSGI."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run the chain in a thread of the pool."""
        return await self._respond(request)

    def _get_response_in_thread(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            response: HttpResponseBase = self.get_response(request)
            return response
        finally:
            close_old_connections()
