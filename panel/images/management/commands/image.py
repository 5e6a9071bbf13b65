"""`manage.py image load FILE` and `manage.py image import FILE REFERENCE`: the browser's way, from a terminal."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from panel.accounts.actors import Actor
from panel.agent.client import AgentClient, AgentError
from panel.environment import Environment
from panel.errors import Refused
from panel.images import services
from panel.operations.models import Operation
from panel.uploads import outcomes
from panel.uploads.tickets import Ticket

CHUNK_BYTES = 1 << 20
LOOK_EVERY_S = 0.2


class Command(BaseCommand):
    """The file goes through the host agent, the work through the host's queue, as always."""

    help = "Load an image archive, or import a root filesystem, into this host."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and their arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        load = verbs.add_parser("load", help="what docker save writes, or an OCI archive; plain, gzip or zstd")
        load.add_argument("file", type=Path)
        take = verbs.add_parser("import", help="a tarball of a root filesystem")
        take.add_argument("file", type=Path)
        take.add_argument("reference", help="the image's name, such as debian:12")

    def handle(self, *args: Any, **options: Any) -> None:
        """Upload, then watch the operation; exit status 1 unless it is done."""
        actor, file = Actor.command_line(), options["file"]
        if not file.is_file():
            raise CommandError(f"there is no file {file}")
        try:
            if options["verb"] == "load":
                ticket = services.allow_load(actor=actor, file_name=file.name)
            else:
                ticket = services.allow_import(actor=actor, reference=options["reference"])
            operation = ticket.arrived(ticket, self._upload(ticket, file))
        except Refused as error:
            raise CommandError(f"{error.message} {error.hint}".strip()) from error
        self._watch(operation)

    def _upload(self, ticket: Ticket, file: Path) -> int:
        try:
            size = asyncio.run(
                AgentClient(Environment.from_env().agent_socket).put_upload(ticket.id, self._chunks(file))
            )
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        except AgentError as error:
            outcomes.failed(ticket, error.message)
            raise CommandError(f"{error.message}. {error.hint}".strip()) from error
        self._tell(f"uploaded {size:,} bytes", end="\n")
        return size

    async def _chunks(self, path: Path) -> AsyncIterator[bytes]:
        total, sent = os.stat(path).st_size, 0
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                sent += len(chunk)
                self._tell(f"uploading {sent:,} of {total:,} bytes")
                yield chunk

    def _watch(self, operation: Operation) -> None:
        while operation.is_open:
            time.sleep(LOOK_EVERY_S)
            operation.refresh_from_db()
            running = [step["name"] for step in operation.steps if step["status"] == "running"]
            percent = "" if operation.percent is None else f" {operation.percent} %"
            self._tell(f"{operation.get_status_display()}{percent} {' '.join(running)}".strip())
        self._tell("", end="")
        if operation.status != Operation.Status.DONE:
            error = operation.error or {"message": operation.get_status_display()}
            raise CommandError(f"{error['message']} {error.get('hint', '')}".strip())
        for image in (operation.result or {}).get("images", []):
            self.stdout.write(f"{image['id']} {' '.join(image['references'])}".strip())

    def _tell(self, text: str, end: str = "") -> None:
        """Progress, on one line of a terminal; elsewhere only what stays."""
        if sys.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{text}", ending=end)
        elif end:
            self.stderr.write(text)
