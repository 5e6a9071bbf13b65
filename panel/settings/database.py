"""Where rows live: SQLite in write-ahead mode, or PostgreSQL by `MOORAGE_DATABASE_URL`."""

from typing import Any

import dj_database_url

from panel.settings.base import ENVIRONMENT

_DATABASE: dict[str, Any] = dict(dj_database_url.parse(ENVIRONMENT.database_url))
_DATABASE |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}

if _DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads and then writes would otherwise fail at once when another one wrote in
    # between, whatever the timeout. It is also what makes the audit chain's head a lock on SQLite.
    _DATABASE |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}  # a file does not go away
    _DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

DATABASES = {"default": _DATABASE}
