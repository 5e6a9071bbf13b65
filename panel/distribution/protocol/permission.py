"""Whether a visitor may go on: by what was shown, then by who that is. Somebody unknown is asked to sign in."""

from panel.distribution import access
from panel.distribution.credentials import Visitor
from panel.distribution.errors import NameUnknown
from panel.distribution.models import Repository
from panel.distribution.protocol.problems import Challenged


def need(visitor: Visitor, name: str, action: str) -> None:
    """Raise Challenged unless what the visitor showed is meant for `action` (pull, push, delete) on the repository.

    Nobody pushes or deletes without signing in. What an actor may do the services ask.
    """
    what = f"repository:{name}"
    if not visitor.covers(what, action) or (action != "pull" and visitor.actor.user is None):
        raise _challenged(visitor, f"{what}:{'pull,push' if action == 'push' else action}")


def need_catalog(visitor: Visitor) -> None:
    """Raise Challenged unless what the visitor showed is meant for the list of repositories."""
    if not visitor.covers("registry:catalog", "*"):
        raise _challenged(visitor, "registry:catalog:*")


def readable(visitor: Visitor, name: str) -> Repository:
    """The repository. Raises NameUnknown if the visitor may not see it; somebody unknown may still sign in."""
    need(visitor, name, "pull")
    return found(visitor, name)


def found(visitor: Visitor, name: str) -> Repository:
    """The same, for who has shown enough to do something else with it."""
    try:
        return access.readable(visitor.actor, name)
    except NameUnknown:
        if visitor.actor.user is None:
            raise _challenged(visitor, f"repository:{name}:pull") from None
        raise


def _challenged(visitor: Visitor, scope: str) -> Challenged:
    return Challenged(scope, "insufficient_scope" if visitor.has_credentials else "")
