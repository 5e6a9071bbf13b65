"""What of volumes is in the database: permissions and schedules of backups. The volumes are the host's to tell of."""

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from panel.hosts.models import Host


class Volume(models.Model):
    """Carries the permissions; there is no table behind it."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view", "See volumes"),
            ("manage", "Create and remove volumes"),
            ("files", "Read and write volumes' files"),
        ]


class BackupSchedule(models.Model):
    """When a volume is backed up by the clock (UTC), and how many of these backups stay; of each kind none is none.

    `due_at` is the next time. `missed_at` was the last that went by more than `LATE` before it was done. `error` says
    why the last one failed, and is empty once one has succeeded.
    """

    class Period(models.TextChoices):
        """How often."""

        HOURLY = "hourly", _("every hour")
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")
        MONTHLY = "monthly", _("every month")

    LATE = timedelta(minutes=10)

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    volume = models.CharField(max_length=200)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.DAILY)
    weekday = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(6)])
    hour = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(23)])
    minute = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(59)])
    freeze = models.BooleanField(default=False)
    keep_last = models.PositiveIntegerField(default=0, validators=[MinValueValidator(0), MaxValueValidator(10_000)])
    keep_daily = models.PositiveIntegerField(default=7, validators=[MaxValueValidator(10_000)])
    keep_weekly = models.PositiveIntegerField(default=4, validators=[MaxValueValidator(10_000)])
    keep_monthly = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(10_000)])
    due_at = models.DateTimeField()
    missed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    operation = models.CharField(max_length=36, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["host", "volume"], name="one_schedule_a_volume")]
        ordering = ["volume"]

    def __str__(self) -> str:
        return f"{self.volume}, {self.period}"

    @property
    def retention(self) -> dict[str, int]:
        """The same in the engine's words."""
        return {
            "last": self.keep_last,
            "daily": self.keep_daily,
            "weekly": self.keep_weekly,
            "monthly": self.keep_monthly,
        }

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` that the schedule names."""
        at = moment.astimezone(timezone.get_default_timezone()).replace(minute=self.minute, second=0, microsecond=0)
        if self.period == self.Period.HOURLY:
            return at if at > moment else at + timedelta(hours=1)
        at = at.replace(hour=self.hour)
        while not (at > moment and self._is_named(at)):
            at += timedelta(days=1)
        return at

    def _is_named(self, at: datetime) -> bool:
        if self.period == self.Period.WEEKLY:
            return at.weekday() == self.weekday
        return self.period != self.Period.MONTHLY or at.day == 1
