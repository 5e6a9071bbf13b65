"""Addresses of the audit log."""

from django.urls import path

from panel.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.AuditList.as_view(), name="list"),
    path("<int:number>/", views.AuditPage.as_view(), name="detail"),
]
