"""Reports what this host noticed by itself: a shim names its container after an exit, the panel gets its new state."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from kombu.exceptions import OperationalError

from engine import Engine, EngineError, NotFound

logger = logging.getLogger(__name__)

Send = Callable[[list[dict[str, Any]], list[str]], None]
"""Hands states, and ids of what is gone, to the panel; may block. `OperationalError` while the broker is away."""

_ID = re.compile(rb"[0-9a-f]{64}")
_STATES_A_REPORT = 100
_LOOK_S = 30.0  # a time to live that ends while nothing runs is told of by nobody
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 10.0


class Reporter:
    """Keeps the ids of containers whose state the panel has not been told, until it has been told.

    They are kept in memory alone: an agent that starts reports every container. Containers that were to go after their
    end, or whose time to live is over, are removed here, as it is here that an end is heard of first.
    """

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine = engine
        self._send = send
        self._untold: set[str] = set()
        self._gone: set[str] = set()
        self._woken = asyncio.Event()

    def observe(self, container_ids: Iterable[str]) -> None:
        """Note that these containers changed."""
        self._untold.update(container_ids)
        self._woken.set()

    async def run(self) -> None:
        """Report every container once, then whatever is observed, for ever."""
        states = await asyncio.to_thread(self._engine.states)
        self.observe(state.id for state in states)
        while True:
            try:
                await asyncio.wait_for(self._woken.wait(), _LOOK_S)
            except TimeoutError:
                await asyncio.to_thread(self._look)
            self._woken.clear()
            await self._tell_all()

    def _look(self) -> None:
        try:
            self._gone.update(self._engine.reap())
        except (EngineError, OSError) as error:
            logger.error("containers whose time is over cannot be removed: %s", error)

    async def _tell_all(self) -> None:
        delay_s = _FIRST_DELAY_S
        while self._untold or self._gone:
            told = set(sorted(self._untold)[:_STATES_A_REPORT])
            self._untold -= told  # before its state is read: a change after that is noted anew
            try:
                await asyncio.to_thread(self._tell, told)
                delay_s = _FIRST_DELAY_S
            except OperationalError as error:
                self._untold |= told
                logger.warning("the broker does not answer (%s), next try in %.1f s", error, delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _LONGEST_DELAY_S)

    def _tell(self, container_ids: set[str]) -> None:
        states = []
        for container_id in container_ids:
            try:
                gone = self._engine.reap(container_id)
                self._gone.update(gone)
                if not gone:
                    states.append(self._engine.state(container_id).to_json())
            except NotFound:
                continue  # removed meanwhile, which the operation that removed it reports
            except EngineError as error:
                logger.error("the state of container %s cannot be reported: %s", container_id, error)
        if states or self._gone:
            self._send(states, sorted(self._gone))
            self._gone.clear()


class Observed(asyncio.DatagramProtocol):
    """The datagram socket on which a shim names its container."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Note the container; what is no id is dropped, and told of."""
        if _ID.fullmatch(data):
            self._reporter.observe([data.decode("ascii")])
        else:
            logger.warning("a datagram that names no container: %.80r", data)


async def listen(reporter: Reporter, bound: socket.socket) -> asyncio.DatagramTransport:
    """Hear shims on the socket `bound`; close the transport to stop."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Observed(reporter), sock=bound)
    return transport
