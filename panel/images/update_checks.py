"""Asks registries, from a host, whether its images' tags have moved: HEAD requests, and none where one wants a rest.

Imports no Django.
"""

from typing import Any

from engine import EngineError, InvalidSpec, RateLimited, Reference, RegistryAccess, Step, UpdateCheck
from panel.operations.work import JSON, Work
from panel.registries.unsealing import opened


def run(work: Work, checks: list[Any], accesses: dict[str, Any]) -> list[JSON]:
    """What became of each of `checks`: `{"reference", "update": engine.UpdateCheck or null, "error": … or null}`.

    A check is `{"reference", "access", "known": engine.UpdateCheck or null}`; `access` names one of `accesses`, which
    are sealed for this operation. A registry that says it is asked too often is not asked again.
    """
    ways = {name: opened(work, sealed) for name, sealed in accesses.items()}
    resting: dict[str, JSON] = {}
    results = []
    for number, check in enumerate(checks):
        _stop_or_tell(work, number, len(checks))
        results.append(_one(work, check, ways, resting))
    _stop_or_tell(work, len(checks), len(checks))
    return results


def _one(work: Work, check: Any, ways: dict[str, RegistryAccess], resting: dict[str, JSON]) -> JSON:
    reference, access, known = _parts(check, ways)
    registry = Reference.parse(reference).domain
    if registry in resting:
        return {"reference": reference, "update": None, "error": resting[registry]}
    try:
        found = work.engine.check_update(reference, access=access, known=known)
    except EngineError as error:
        if isinstance(error, RateLimited):
            resting[registry] = error.to_json()
        return {"reference": reference, "update": None, "error": error.to_json()}
    return {"reference": reference, "update": found.to_json(), "error": None}


def _parts(check: Any, ways: dict[str, RegistryAccess]) -> tuple[str, RegistryAccess, UpdateCheck | None]:
    try:
        known = check["known"]
        return check["reference"], ways[check["access"]], UpdateCheck.from_json(known) if known else None
    except (KeyError, TypeError) as error:
        raise InvalidSpec("checks", f"{str(check)[:80]!r} is no check") from error


def _stop_or_tell(work: Work, done: int, total: int) -> None:
    work.stop_if_cancelled()
    status: Any = "done" if done == total else "running"
    work.progress([Step("ask registries", status, current=done, total=total)])
