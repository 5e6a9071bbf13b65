"""Which format the log of each driver has."""

from engine.logs.json_segments import JsonSegments
from engine.logs.segments import LocalSegments, Segments


def form_of(driver: str) -> type[Segments]:
    """What reads the log; of output that is sent away, or dropped, what is kept of it in the engine's own format."""
    return JsonSegments if driver == "json-file" else LocalSegments
