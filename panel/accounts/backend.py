"""Where permissions come from: the roles a user has, and nothing else."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class RolesBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's sign-in. Nobody is given permissions beside their roles, so nobody has to look for such."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """None."""
        return set()
