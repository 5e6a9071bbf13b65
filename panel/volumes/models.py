"""What of volumes is in the database: only the permissions. The volumes themselves are the host's to tell of."""

from django.db import models


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
