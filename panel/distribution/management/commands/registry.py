"""`manage.py registry collect` and `manage.py registry retain`: what else is done by the clock, now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from panel.accounts.actors import Actor
from panel.distribution import collection, governing
from panel.distribution.models import Namespace


class Command(BaseCommand):
    """Frees room in the panel's own registry."""

    help = "Let go of what the registry's rules do not keep, and of blobs nobody needs."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and their arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        collect = verbs.add_parser("collect", help="delete blobs that no manifest needs since a day")
        retain = verbs.add_parser("retain", help="delete tags and untagged manifests as the namespaces' rules say")
        for verb in (collect, retain):
            verb.add_argument("--dry-run", action="store_true", help="only show what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each that goes."""
        if options["verb"] == "collect":
            found = collection.would_collect() if options["dry_run"] else collection.collect()
            lines = [*found.blobs, f"{len(found.blobs)} blobs, {found.freed_bytes:,} bytes, {found.uploads} uploads"]
        else:
            lines = []
            for namespace in Namespace.objects.all():
                gone = governing.retain(actor=Actor.command_line(), namespace=namespace, is_dry_run=options["dry_run"])
                lines += [*gone.tags, *gone.manifests]
        self.stdout.write("\n".join(lines))
