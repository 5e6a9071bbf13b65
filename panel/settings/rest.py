"""How `/api/v1/` behaves: authentication, permission, pages, problem documents, the OpenAPI document."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "panel.rest.authentication.BearerAuthentication",
        "panel.rest.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["panel.rest.permissions.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "panel.rest.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "panel.rest.filters.Search",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "panel.rest.schema.Schema",
    "EXCEPTION_HANDLER": "panel.rest.problems.handle",
    "ORDERING_PARAM": "order",
    "SEARCH_PARAM": "search",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Moorage",
    "DESCRIPTION": (
        "Containers, images and operations of Moorage. Whatever runs on a host answers 202 with an operation; send "
        "`Prefer: wait=30` to get its outcome in the same answer. Errors are problem documents (RFC 9457)."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "OperationStatus": "panel.operations.models.Operation.Status",
        "ContainerStatus": "panel.containers.models.Container.Status",
        "Restart": "engine.Restart",
        "MountType": "engine.MountType",
        "LogDriver": "engine.LogDriver",
        "LogMode": "engine.LogMode",
    },
}
