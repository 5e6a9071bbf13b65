"""The machines that run containers."""

from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

SILENT_AFTER = timedelta(seconds=20)  # four missed heartbeats


class Host(models.Model):
    """One machine; its name is also the name of its queue (`host.<name>`)."""

    name = models.SlugField(_("name"), max_length=63, primary_key=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True)
    worker_started_at = models.DateTimeField(_("host worker started"), null=True)
    capabilities = models.JSONField(_("capabilities"), default=dict)
    sealing_key = models.CharField(_("sealing key"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        default_permissions = ()
        permissions = [("view", "See hosts")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_online(self) -> bool:
        """Whether its host worker was heard of lately."""
        return self.last_seen_at is not None and timezone.now() - self.last_seen_at < SILENT_AFTER
