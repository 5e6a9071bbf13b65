"""What the tests of registries share: a place for keys, and a host that has told its own."""

from pathlib import Path
from typing import Any

import pytest

from panel.hosts.models import Host
from panel.secrets.sealing import HostKey


@pytest.fixture(autouse=True)
def panel_home(tmp_path: Path, settings: Any) -> Path:
    """The panel's own folder, where the database's keys are."""
    settings.PANEL_HOME = tmp_path
    return tmp_path


@pytest.fixture
def host_key(local: Host, tmp_path: Path) -> HostKey:
    """The key of the one host, which the panel knows."""
    key = HostKey.of(tmp_path / "sealing-key")
    local.sealing_key = key.public
    local.save()
    return key
