"""The full report of a host, from which the panel's database can be brought up to date or rebuilt. No Django."""

from datetime import UTC, datetime
from typing import Any

from engine import Engine, NotFound
from panel.environment import Environment
from panel.images.told import told
from panel.operations import reports
from panel.secrets.sealing import HostKey

STARTED_AT = datetime.now(UTC)  # of this process


def send_report(engine: Engine) -> None:
    """Send `hosts.started`: waits for the broker as long as it takes."""
    taken_at = datetime.now(UTC)
    states = engine.states()
    reports.send_surely(
        "hosts.started",
        started_at=STARTED_AT.isoformat(),
        taken_at=taken_at.isoformat(),
        capabilities=engine.capabilities().to_json(),
        containers=[state.to_json() for state in states],
        specs={state.id: spec for state in states if (spec := _spec(engine, state.id)) is not None},
        sealing_key=HostKey.of(Environment.from_env().sealing_key).public,
        images=[told(image) for image in engine.images()],
    )


def _spec(engine: Engine, container_id: str) -> dict[str, Any] | None:
    try:
        spec: dict[str, Any] = engine.inspect(container_id)["spec"]
    except NotFound:  # removed since the states were read
        return None
    return spec
