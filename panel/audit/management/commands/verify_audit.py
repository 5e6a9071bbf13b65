"""`manage.py verify_audit`: walks the audit log's hash chain."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from panel.audit import chain
from panel.audit.models import AuditEntry


class Command(BaseCommand):
    """Exit status 1 when the log was tampered with."""

    help = "Verify the audit log; exit status 1 and the first broken row if it was altered."

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk the chain."""
        broken = chain.verify()
        if broken is None:
            self.stdout.write(f"The audit log holds: {AuditEntry.objects.count()} rows.")
            return
        self.stderr.write(f"The audit log is broken at row {broken.number}: {broken.reason}.")
        sys.exit(1)
