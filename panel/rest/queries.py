"""What the query of a request says."""

from rest_framework.request import Request


def is_set(request: Request, name: str) -> bool:
    """Whether a parameter says yes."""
    return request.query_params.get(name, "").lower() in ("1", "true")
