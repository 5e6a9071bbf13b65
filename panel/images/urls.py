"""Addresses of the image pages."""

from django.urls import path

from panel.images import views

app_name = "images"
urlpatterns = [
    path("", views.ImageList.as_view(), name="list"),
    path("upload/", views.Upload.as_view(), name="upload"),
    path("bootstrap/", views.Bootstrap.as_view(), name="bootstrap"),
    path("<int:pk>/", views.ImagePage.as_view(), name="detail"),
    path("<int:pk>/remove/", views.Remove.as_view(), name="remove"),
]
