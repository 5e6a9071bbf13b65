"""Brings the database up to date and makes the first administrator: one process, because Django starts slowly."""

import os
import sys

import django
from django.core.management import call_command


def main() -> int:
    """Migrate, then `first_run`; both do nothing when there is nothing to do."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("first_run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
