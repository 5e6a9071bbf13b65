"""`python -m panel.agent`: the host agent of this machine, in the foreground."""

import asyncio
import logging
import sys
from typing import Any

from panel.agent.server import serve
from panel.agent.sockets import SocketTakenError
from panel.celery import app
from panel.environment import Environment, InvalidEnvironmentError


def main() -> int:
    """Serve until told to stop; 1 and a message if this cannot begin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        environment = Environment.from_env()

        def send(states: list[dict[str, Any]], removed: list[str]) -> None:
            payload = {"host": environment.host_name, "containers": states, "removed": removed}
            app.send_task("containers.observed", kwargs=payload, queue="panel", ignore_result=True)

        asyncio.run(serve(environment, send))
    except (InvalidEnvironmentError, SocketTakenError) as error:
        print(f"moorage agent: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
