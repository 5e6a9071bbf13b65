"""Django's settings, split by subject; every switch an operator has is in `panel/environment.py`."""

from panel.settings.accounts import *  # noqa: F403
from panel.settings.base import *  # noqa: F403
from panel.settings.database import *  # noqa: F403
from panel.settings.rest import *  # noqa: F403
from panel.settings.web import *  # noqa: F403
