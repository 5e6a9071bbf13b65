"""How the tests of the pages browse: with Django's client, signed in as one of the cast."""

from django.test import Client

from panel.accounts.models import User

HTMX = {"HX-Request": "true"}


def signed_in(user: User) -> Client:
    """A browser of this user."""
    client = Client()
    client.force_login(user)
    return client
