"""Addresses of the pages of volumes' files; those of containers are among the containers'."""

from django.urls import re_path

from panel.files import views

VOLUME = r"^(?P<name>[a-zA-Z0-9][a-zA-Z0-9_.-]*)"

app_name = "files"
urlpatterns = [
    re_path(rf"{VOLUME}/files/$", views.VolumeFolder.as_view(), name="volume"),
    re_path(rf"{VOLUME}/files/view/$", views.VolumeFile.as_view(), name="volume-file"),
]
