"""A death certificate: all that can be known of an end only while it is fresh, kept for the last runs.

`history/<run>.json` in the container's folder. The shim copies what it finds and judges nothing: the request that led
to the end (`asked.json`), the files of the control groups before these go (`evidence`, text by name), the last bytes of
output. `engine/container/deaths.py` reads it.
"""

from __future__ import annotations

import os

from engine.launcher import records
from engine.launcher.records import Exit
from engine.logs.last_words import last_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEPT = 20
LAST_BYTES = 8192
_EVIDENCE_BYTES = 8192


def write(folder: str, end: Exit, core_dumped: bool, evidence: dict[str, str]) -> None:
    """Write the certificate of a run whose end is marked in the log, and let go of the one that is too old.

    Raises OSError.
    """
    started_at = _started_at(folder, end.run)
    try:  # noqa: SIM105 - contextlib is not for a shim to carry
        os.mkdir(f"{folder}/history", 0o700)
    except FileExistsError:
        pass  # and nothing else: the container may have been removed
    records.write_json(
        f"{folder}/history/{end.run}.json",
        end._asdict()
        | {
            "core_dumped": core_dumped,
            "started_at": started_at,
            "asked": asked(folder, end.run),
            "evidence": evidence,
            "last_words": _last_words(f"{folder}/log", started_at),
        },
    )
    try:
        os.unlink(f"{folder}/history/{end.run - KEPT}.json")
    except FileNotFoundError:
        return  # there have not been as many runs yet


def asked(folder: str, run: int) -> dict[str, Any] | None:
    """The last request to end or signal this run, or one that came after it; None when there is none."""
    found = records.read_json(f"{folder}/asked.json")
    return found if found is not None and found["run"] >= run else None


def gather(places: list[list[str]]) -> dict[str, str]:
    """The text of each file by its name. `places` are `[folder, name, name…]`; what this kernel lacks is left out."""
    found = {}
    for folder, *names in places:
        for name in names:
            try:
                found[name] = _text_of(f"{folder}/{name}")
            except OSError:  # no such file, or accounting of pressure that was switched off at boot
                continue
    return found


def _text_of(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _EVIDENCE_BYTES).decode()
    finally:
        os.close(fd)


def _started_at(folder: str, run: int) -> str:
    started = records.read_json(f"{folder}/started.json")
    return str(started["started_at"]) if started is not None and started["run"] == run else ""


def _last_words(log: str, since: str) -> str:
    try:
        return last_words(log, LAST_BYTES, since).decode("utf-8", "surrogateescape")
    except FileNotFoundError:  # it never ran
        return ""
