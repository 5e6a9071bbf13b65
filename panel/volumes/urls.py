"""Addresses of the volume pages."""

from django.urls import path

from panel.volumes import pruning, views

app_name = "volumes"
urlpatterns = [
    path("", views.VolumeList.as_view(), name="list"),
    path("create/", views.Create.as_view(), name="create"),
    path("prune/", pruning.Prune.as_view(), name="prune"),
    path("<str:name>/", views.Detail.as_view(), name="detail"),
    path("<str:name>/back-up/", views.BackUp.as_view(), name="back_up"),
]
