"""Waits until the whole panel answers, then says where it is and how to sign in; until then, what is missing."""

import http.client
import json
import sys
import time
from pathlib import Path

from panel.environment import Environment
from panel.supervisor.programs import split_bind

PATIENCE_S = 15.0
PAUSE_S = 0.1
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, not bound)


def main() -> int:
    """Ask /healthz until it answers 200, then print the address."""
    environment = Environment.from_env()
    reported_at = time.monotonic()
    while (answer := ask(environment.bind))[0] != http.client.OK:
        if time.monotonic() - reported_at > PATIENCE_S:
            say(f"not ready yet: {answer[1]}")
            reported_at = time.monotonic()
        time.sleep(PAUSE_S)
    say(f"Moorage is ready: http://{local_address(environment.bind)}/")
    say(how_to_sign_in(environment.home / "panel" / "initial-admin-password"))
    return 0


def ask(bind: str) -> tuple[int, str]:
    """The status of /healthz and the names of what does not answer; 0 as long as nobody listens."""
    connection = http.client.HTTPConnection(local_address(bind), timeout=5)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status, missing(response.read())
    except (OSError, http.client.HTTPException) as error:
        return 0, f"web ({error})"
    finally:
        connection.close()


def missing(body: bytes) -> str:
    """The processes that do not answer, as /healthz tells them."""
    try:
        told = json.loads(body)
    except ValueError:
        return "web (/healthz did not answer with JSON)"
    return ", ".join(f"{name} ({told[name]})" for name in told.get("failing", []))


def local_address(bind: str) -> str:
    """HOST:PORT at which a program on this machine reaches what is bound to `bind`."""
    host, port = split_bind(bind)
    host = ANY_ADDRESS.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def how_to_sign_in(password_file: Path) -> str:
    """Where the first password is, as long as the administrator has not removed it."""
    if password_file.exists():
        return f"Sign in as admin; the first password is in {password_file}"
    return "Sign in as admin with the password you chose"


def say(text: str) -> None:
    """A line for the administrator, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
