"""Runs each request's whole middleware chain and view in one thread of a pool whose database connections stay open.

Django's own ASGI handler hands a request over to a thread and back for every synchronous middleware, and gives each
request a new thread, hence a new database connection. Here it is one hand-over, to a thread that has a connection
already; how long that may live is `CONN_MAX_AGE`, as under WSGI. Streams are still iterated on the event loop, and
asynchronous views run there.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 16


class RequestThreads:
    """A pool of threads for what asks the database."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=name)

    def wrapped(self, function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
        """The function, run in one of them."""

        def in_thread(*args: P.args, **kwargs: P.kwargs) -> R:
            close_old_connections()
            try:
                return function(*args, **kwargs)
            finally:
                close_old_connections()

        return sync_to_async(in_thread, thread_sensitive=False, executor=self._pool)


class PooledHandler(ASGIHandler):
    """`ASGIHandler` with a synchronous chain in a pool of threads."""

    def __init__(self) -> None:
        super().__init__()
        self._respond = RequestThreads("request").wrapped(self._answer)

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain as under WSGI."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Run the chain in a thread of the pool."""
        return await self._respond(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.get_response(request)
        return response
