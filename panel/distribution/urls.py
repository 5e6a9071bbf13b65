"""Addresses of the pages about the panel's own registry."""

from django.urls import path

from panel.distribution import views

app_name = "distribution"
urlpatterns = [
    path("", views.RepositoryList.as_view(), name="list"),
    path("<int:pk>/", views.RepositoryPage.as_view(), name="repository"),
    path("<int:pk>/remove/", views.DeleteRepository.as_view(), name="delete_repository"),
    path("<int:pk>/tags/<str:tag>/remove/", views.DeleteTag.as_view(), name="delete_tag"),
    path("add/", views.AddNamespace.as_view(), name="add_namespace"),
    path("namespaces/<str:name>/", views.NamespacePage.as_view(), name="namespace"),
    path("namespaces/<str:name>/change/", views.ChangeNamespace.as_view(), name="change_namespace"),
    path("namespaces/<str:name>/rules/", views.Rules.as_view(), name="rules"),
    path("namespaces/<str:name>/retain/", views.Retain.as_view(), name="retain"),
    path("namespaces/<str:name>/remove/", views.DeleteNamespace.as_view(), name="delete_namespace"),
]
