"""Secrets in the database."""

import stat
from pathlib import Path
from typing import Any

import pytest

from panel.secrets import vault


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    settings.PANEL_HOME = tmp_path
    return tmp_path


def test_the_first_secret_makes_a_key_for_the_panels_user_alone(home: Path) -> None:
    stored = vault.encrypt("hunter2")

    assert "hunter2" not in stored
    assert vault.decrypt(stored) == "hunter2"
    assert stat.S_IMODE((home / "database-keys").stat().st_mode) == 0o600


def test_a_new_key_encrypts_and_the_last_one_still_decrypts() -> None:
    stored = vault.encrypt("hunter2")
    vault.add_key()

    renewed = vault.renew(stored)
    assert vault.decrypt(stored) == vault.decrypt(renewed) == "hunter2"

    vault.add_key()
    assert vault.decrypt(renewed) == "hunter2"
    with pytest.raises(vault.SecretLost, match="database-keys"):
        vault.decrypt(stored)


def test_a_lost_key_file_is_told_and_not_replaced_by_reading(home: Path) -> None:
    stored = vault.encrypt("hunter2")
    vault.keys_path().unlink()

    with pytest.raises(vault.SecretLost):
        vault.decrypt(stored)
    assert list(home.iterdir()) == []
