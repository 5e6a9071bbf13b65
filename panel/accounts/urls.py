"""Addresses of a user's own account."""

from django.urls import path

from panel.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.Me.as_view(), name="me"),
    path("tokens/create/", views.CreateToken.as_view(), name="create_token"),
    path("tokens/<str:pk>/revoke/", views.RevokeToken.as_view(), name="revoke_token"),
    path("theme/", views.Theme.as_view(), name="theme"),
    path("language/", views.Language.as_view(), name="language"),
]
