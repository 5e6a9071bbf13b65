"""What a browser meets: middleware, templates, static files, cookies, security headers, WebSockets."""

import os
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from panel.settings.base import BASE_DIR, ENVIRONMENT

ROOT_URLCONF = "panel.urls"
ASGI_APPLICATION = "panel.asgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "panel.pages.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "panel.accounts.middleware.preferred_language",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# What a browser may send as a form; bulk bytes never pass through Django (panel/uploads).
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

# MOORAGE_ORIGIN is the public address behind a proxy (https://panel.example.org); MOORAGE_ALLOWED_HOSTS are further
# names the panel answers to, separated by commas.
_ORIGIN = os.environ.get("MOORAGE_ORIGIN", "").rstrip("/")
_FURTHER_HOSTS = [name for name in os.environ.get("MOORAGE_ALLOWED_HOSTS", "").split(",") if name]
_PUBLIC = urlsplit(_ORIGIN)
_BIND_HOST = ENVIRONMENT.bind.rpartition(":")[0].strip("[]")
_ANY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 - recognised here, not bound
_BEHIND_TLS = _PUBLIC.scheme == "https"

ALLOWED_HOSTS = sorted(
    {"localhost", "127.0.0.1", "[::1]", *_FURTHER_HOSTS}
    | ({f"[{_BIND_HOST}]" if ":" in _BIND_HOST else _BIND_HOST} if _BIND_HOST not in _ANY_ADDRESS else set())
    | ({_PUBLIC.hostname} if _PUBLIC.hostname else set())
)
CSRF_TRUSTED_ORIGINS = [_ORIGIN] if _ORIGIN else []

# Two panels on one machine differ only by port, and cookies do not: so the port is in their names.
_PORT = ENVIRONMENT.bind.rpartition(":")[2]
SESSION_COOKIE_NAME = f"moorage-session-{_PORT}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _BEHIND_TLS
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_NAME = f"moorage-csrf-{_PORT}"
CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page, not the cookie

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _BEHIND_TLS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _BEHIND_TLS else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],  # Tabler's style sheet draws its small icons from data: addresses
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [ENVIRONMENT.redis_url], "prefix": "moorage:channels"},
    }
}
