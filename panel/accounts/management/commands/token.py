"""`manage.py token create USER`: makes an API token and prints it once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.accounts.services import create_token
from panel.errors import Refused


class Command(BaseCommand):
    """Tokens of any user, by whoever runs the panel."""

    help = "Make an API token for a user. It is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and their arguments."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a token and print it")
        create.add_argument("user")
        create.add_argument("--name", default="command line", help="what the token is for")
        create.add_argument("--scope", action="append", default=[], help="a permission, such as containers.view")
        create.add_argument("--expires-days", type=int, help="days until it expires; never if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token alone on the standard output, so that a script can take it."""
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"there is no active user {options['user']}")
        days = options["expires_days"]
        try:
            _token, secret = create_token(
                actor=Actor.command_line(),
                user=user,
                name=options["name"],
                scopes=frozenset(options["scope"]),
                expires_in=timedelta(days=days) if days else None,
            )
        except Refused as error:
            raise CommandError(f"{error.message} {error.hint}".strip()) from error
        self.stdout.write(secret)
