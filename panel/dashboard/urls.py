"""The address of the first page."""

from django.urls import path

from panel.dashboard import views

app_name = "dashboard"
urlpatterns = [path("", views.Home.as_view(), name="home")]
