"""What takes long and finds what happens rarely; `make soak` runs it, `make test` does not."""

from pathlib import Path

import pytest

from tests.services.host import host

__all__ = ["host"]

_LONGEST_S = 4 * 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(_LONGEST_S))
