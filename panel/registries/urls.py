"""Addresses of the registry pages."""

from django.urls import path

from panel.registries import views

app_name = "registries"
urlpatterns = [
    path("", views.RegistryList.as_view(), name="list"),
    path("add/", views.Add.as_view(), name="add"),
    path("import/", views.Import.as_view(), name="import"),
    path("credentials/add/", views.AddCredential.as_view(), name="add_credential"),
    path("credentials/<int:pk>/secret/", views.ChangeSecret.as_view(), name="change_secret"),
    path("credentials/<int:pk>/check/", views.CheckCredential.as_view(), name="check_credential"),
    path("credentials/<int:pk>/remove/", views.RemoveCredential.as_view(), name="remove_credential"),
    path("<int:pk>/", views.RegistryPage.as_view(), name="detail"),
    path("<int:pk>/change/", views.Change.as_view(), name="change"),
    path("<int:pk>/remove/", views.Remove.as_view(), name="remove"),
]
