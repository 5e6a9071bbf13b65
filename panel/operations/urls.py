"""Addresses of the operation pages."""

from django.urls import path

from panel.operations import views

app_name = "operations"
urlpatterns = [
    path("", views.OperationList.as_view(), name="list"),
    path("<uuid:pk>/", views.OperationPage.as_view(), name="detail"),
    path("<uuid:pk>/card/", views.Piece.as_view(piece="card"), name="card"),
    path("<uuid:pk>/notice/", views.Piece.as_view(piece="notice_body"), name="notice"),
    path("<uuid:pk>/cancel/", views.Cancel.as_view(), name="cancel"),
]
