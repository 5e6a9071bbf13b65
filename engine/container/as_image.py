"""What an image made of a container says: that it is to run as the container did."""

from collections.abc import Mapping
from typing import Any

from engine.spec.container import ContainerSpec
from engine.spec.life import HealthCheck

_HEALTH_TIMES = {
    "Interval": "interval_s",
    "Timeout": "timeout_s",
    "StartPeriod": "start_period_s",
    "StartInterval": "start_interval_s",
}


def config_of(config: Mapping[str, Any], spec: ContainerSpec) -> dict[str, Any]:
    """The image's `config` object with what was asked of the container in place of what the image says."""
    merged = dict(config)
    if spec.entrypoint is not None:
        merged |= {"Entrypoint": list(spec.entrypoint), "Cmd": None}
    if spec.command is not None:
        merged["Cmd"] = list(spec.command)
    if spec.env:
        entries = [*(config.get("Env") or ()), *spec.env]
        merged["Env"] = [
            f"{name}={value}" for name, value in dict(e.split("=", 1) for e in entries if "=" in e).items()
        ]
    if spec.labels:
        merged["Labels"] = (config.get("Labels") or {}) | dict(spec.labels)
    said = {"WorkingDir": spec.cwd, "User": spec.user, "StopSignal": spec.stop_signal}
    if health := _health(spec.health):
        merged["Healthcheck"] = (config.get("Healthcheck") or {}) | health
    return merged | {key: value for key, value in said.items() if value}


def _health(check: HealthCheck) -> dict[str, Any]:
    """What was asked of the health check, in Docker's words: times in nanoseconds."""
    said: dict[str, Any] = {"Test": list(check.test)} if check.test else {}
    if check.retries is not None:
        said["Retries"] = check.retries
    times = {key: getattr(check, name) for key, name in _HEALTH_TIMES.items()}
    return said | {key: round(seconds * 1_000_000_000) for key, seconds in times.items() if seconds is not None}
