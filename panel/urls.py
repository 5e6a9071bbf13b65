"""Every address of the panel."""

from allauth.account import views as allauth
from django.urls import include, path

from panel.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("panel.rest.urls")),
    path("", include("panel.dashboard.urls")),
    path("containers/", include("panel.containers.urls")),
    path("volumes/", include("panel.files.urls")),
    path("images/", include("panel.images.urls")),
    path("volumes/", include("panel.volumes.urls")),
    path("registry/", include("panel.distribution.urls")),
    path("registries/", include("panel.registries.urls")),
    path("operations/", include("panel.operations.urls")),
    path("audit/", include("panel.audit.urls")),
    path("account/", include("panel.accounts.urls")),
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
]
