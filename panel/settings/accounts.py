"""Who may sign in and how: django-allauth for people, knox tokens for programs."""

from typing import Any

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["panel.accounts.backend.RolesBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "panel.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = None  # the sign-in form asks
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# allauth counts failed sign-ins in the cache; each web process has its own, which is strict enough for one machine.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}

KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 - the name of a model
MIGRATION_MODULES = {"knox": None}  # they would make a table for the model this replaces
REST_KNOX: dict[str, Any] = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_PREFIX": "moorage_",  # lets scanners find a leaked token
    "TOKEN_TTL": None,
}
