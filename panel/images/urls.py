"""Addresses of the image pages."""

from django.urls import path

from panel.images import inside, pruning, transfer_views, views

app_name = "images"
urlpatterns = [
    path("", views.ImageList.as_view(), name="list"),
    path("upload/", views.Upload.as_view(), name="upload"),
    path("bootstrap/", views.Bootstrap.as_view(), name="bootstrap"),
    path("prune/", pruning.Prune.as_view(), name="prune"),
    path("<int:pk>/", inside.Overview.as_view(), name="detail"),
    path("<int:pk>/layers/", inside.Layers.as_view(), name="layers"),
    path("<int:pk>/files/", inside.Files.as_view(), name="files"),
    path("<int:pk>/compare/", inside.Compare.as_view(), name="compare"),
    path("<int:pk>/containers/", inside.Containers.as_view(), name="containers"),
    path("pull/", transfer_views.Pull.as_view(), name="pull"),
    path("pull/check/", transfer_views.CheckReference.as_view(), name="check_reference"),
    path("<int:pk>/push/", transfer_views.Push.as_view(), name="push"),
    path("<int:pk>/tag/", transfer_views.Tag.as_view(), name="tag"),
    path("<int:pk>/updates/", transfer_views.CheckUpdates.as_view(), name="check_updates"),
    path("<int:pk>/remove/", views.Remove.as_view(), name="remove"),
]
