"""A new panel: one command, as often as one likes."""

import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from panel.accounts.models import User
from panel.hosts.models import Host


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> Path:
    """The panel's own folder, new."""
    monkeypatch.delenv("MOORAGE_ADMIN_PASSWORD", raising=False)
    settings.PANEL_HOME = tmp_path / "panel"
    return tmp_path / "panel"


def first_run() -> str:
    out = StringIO()
    call_command("first_run", stdout=out)
    return out.getvalue()


def test_it_makes_an_admin_whose_password_is_printed_once_and_kept(home: Path, client: Client) -> None:
    said = first_run()
    password = (home / "initial-admin-password").read_text().strip()

    assert password in said
    assert client.login(username="admin", password=password)
    assert password not in first_run()


def test_what_it_writes_is_for_the_panels_user_alone(home: Path) -> None:
    first_run()

    for name in ("initial-admin-password", "secret-key"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert len((home / "secret-key").read_text()) > 60


def test_a_password_that_was_chosen_is_neither_printed_nor_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORAGE_ADMIN_PASSWORD", "chosen by me")

    said = first_run()

    assert "chosen by me" not in said
    assert not (home / "initial-admin-password").exists()
    assert User.objects.get().check_password("chosen by me")


def test_a_second_run_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_run()
    before = (User.objects.get().password, (home / "secret-key").read_text())
    monkeypatch.setenv("MOORAGE_ADMIN_PASSWORD", "another")

    first_run()

    assert (User.objects.get().password, (home / "secret-key").read_text()) == before
    assert [host.name for host in Host.objects.all()] == ["local"]
