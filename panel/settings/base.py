"""What every process of the panel needs: apps, languages, time, logging."""

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from panel.environment import Environment
from panel.settings.secret_key import read_or_invent

ENVIRONMENT = Environment.from_env()
PANEL_HOME = ENVIRONMENT.home / "panel"
BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEBUG = False
SECRET_KEY = read_or_invent(PANEL_HOME / "secret-key")

INSTALLED_APPS = [
    "panel.accounts",
    "panel.audit",
    "panel.secrets",
    "panel.hosts",
    "panel.operations",
    "panel.registries",
    "panel.images",
    "panel.volumes",
    "panel.distribution",
    "panel.containers",
    "panel.files",
    "panel.dashboard",
    "panel.pages",
    "panel.rest",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "knox",
    "rest_framework",
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
SILENCED_SYSTEM_CHECKS = ["staticfiles.W004"]  # static/dist appears with the first build
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # Every refused request has an audit row or an access-log line already.
        "django.request": {"level": "ERROR"},
    },
}
