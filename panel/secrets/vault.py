"""Encrypts what must not be read in the database, nor in a copy of it: the keys are in a file of the panel's own.

A key a line (Fernet: AES-128-CBC with HMAC-SHA256), the newest first. The newest encrypts, each of them decrypts.
"""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

from panel.errors import Conflicting
from panel.secrets import private_files

KEPT_KEYS = 2  # who encrypted with the last but one, just before it was replaced, may commit just after


class SecretLost(Conflicting):
    """What is stored cannot be read, as its key is gone."""


def keys_path() -> Path:
    """Where the keys are."""
    return Path(settings.PANEL_HOME) / "database-keys"


def encrypt(secret: str) -> str:
    """The secret as it may be stored. The first one makes the first key."""
    if not keys_path().exists():
        private_files.create(keys_path(), Fernet.generate_key() + b"\n")
    return _box().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """The secret again. Raises SecretLost."""
    try:
        return _box().decrypt(stored.encode()).decode()
    except (InvalidToken, FileNotFoundError):
        raise SecretLost(
            _("The stored secret cannot be read: its key is not in %(path)s.") % {"path": keys_path()},
            hint=_("Enter the secret anew, or bring the file back from a backup."),
        ) from None


def renew(stored: str) -> str:
    """The same secret encrypted with the newest key. Raises SecretLost."""
    return encrypt(decrypt(stored))


def add_key() -> None:
    """Encrypt with a new key from now on; of the older ones only the last is kept."""
    older = keys_path().read_bytes().split() if keys_path().exists() else []
    newest = [Fernet.generate_key(), *older][:KEPT_KEYS]
    private_files.replace(keys_path(), b"\n".join(newest) + b"\n")


def _box() -> MultiFernet:
    """Read each time: another process may have added a key."""
    return MultiFernet([Fernet(key) for key in keys_path().read_bytes().split()])
