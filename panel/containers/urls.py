"""Addresses of the container pages."""

from django.urls import path

from panel.containers import changing, pruning, views
from panel.files import views as files

app_name = "containers"
urlpatterns = [
    path("", views.ContainerList.as_view(), name="list"),
    path("create/", views.Create.as_view(), name="create"),
    path("prune/", pruning.Prune.as_view(), name="prune"),
    path("<slug:pk>/", views.Overview.as_view(), name="overview"),
    path("<slug:pk>/logs/", views.Logs.as_view(), name="logs"),
    path("<slug:pk>/inspect/", views.Inspect.as_view(), name="inspect"),
    path("<slug:pk>/files/", files.ContainerFolder.as_view(), name="files"),
    path("<slug:pk>/files/view/", files.ContainerFile.as_view(), name="file"),
    path("<slug:pk>/start/", views.Start.as_view(), name="start"),
    path("<slug:pk>/stop/", views.Stop.as_view(), name="stop"),
    path("<slug:pk>/restart/", views.Restart.as_view(), name="restart"),
    path("<slug:pk>/kill/", views.Kill.as_view(), name="kill"),
    path("<slug:pk>/pause/", views.Pause.as_view(), name="pause"),
    path("<slug:pk>/unpause/", views.Unpause.as_view(), name="unpause"),
    path("<slug:pk>/change/", changing.Change.as_view(), name="change"),
    path("<slug:pk>/rename/", changing.Rename.as_view(), name="rename"),
    path("<slug:pk>/remove/", views.Remove.as_view(), name="remove"),
]
