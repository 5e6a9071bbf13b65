"""Opens, on a host, what the panel sealed for it (`panel/registries/access.py`). Imports no Django."""

import json

from engine import RegistryAccess
from panel.environment import Environment
from panel.operations.work import Work
from panel.secrets.sealing import HostKey


def opened(work: Work, sealed: str) -> RegistryAccess:
    """How the registry is reached in this very operation. Raises InvalidSpec for what was not sealed for it."""
    key = HostKey.of(Environment.from_env().sealing_key)
    return RegistryAccess.from_json(json.loads(key.open(sealed, bound_to=work.operation)))
