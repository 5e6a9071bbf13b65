"""What the web server runs: pages and REST through Django, uploads past it, the registry, WebSockets."""

import os
from typing import Any

import django
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
django.setup()

from panel.agent.client import AgentClient  # noqa: E402 - models are there only from here on
from panel.distribution.protocol.asgi import Registry  # noqa: E402
from panel.environment import Environment  # noqa: E402
from panel.handler import PooledHandler  # noqa: E402
from panel.operations.answers import answer  # noqa: E402
from panel.operations.waiting import Waiting  # noqa: E402
from panel.realtime.routing import websocket_urlpatterns  # noqa: E402
from panel.uploads.asgi import Uploads  # noqa: E402
from panel.uploads.limit import BodyLimit  # noqa: E402

ENVIRONMENT = Environment.from_env()

django_application: Any = PooledHandler()
uploads: Any = Uploads(BodyLimit(django_application), AgentClient(ENVIRONMENT.agent_socket))
application = ProtocolTypeRouter(
    {
        "http": Registry(Waiting(uploads, ENVIRONMENT.redis_url, database_sync_to_async(answer))),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
