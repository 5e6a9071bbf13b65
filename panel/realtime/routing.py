"""The addresses of the WebSockets."""

from typing import Any, cast

from django.urls import URLPattern, re_path

from panel.realtime.hints import Changes
from panel.realtime.logs import logs

# Django's types know views only; Channels' router takes ASGI applications by the same patterns.
websocket_urlpatterns: list[URLPattern] = [
    re_path(r"^ws/containers/(?P<id>[0-9a-f]{64})/logs/$", cast(Any, logs)),
    re_path(r"^ws/changes/$", cast(Any, Changes.as_asgi())),
]
