"""Addresses of the pages of volumes' files; those of containers are among the containers'."""

from django.urls import path

from panel.files import views

app_name = "files"
urlpatterns = [
    path("<str:name>/files/", views.VolumeFolder.as_view(), name="volume"),
    path("<str:name>/files/view/", views.VolumeFile.as_view(), name="volume-file"),
]
