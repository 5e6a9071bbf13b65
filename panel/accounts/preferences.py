"""How the panel looks to one user: language and theme. Everyone sets their own, and it changes nothing else."""

from panel.accounts.models import User


def choose_language(*, user: User, language: str) -> None:
    """Show this user the panel in `language`, a code of LANGUAGES, wherever they sign in."""
    user.language = language
    user.save(update_fields=["language"])


def choose_theme(*, user: User, theme: str) -> None:
    """Show this user the panel light, dark or as their system is: a value of `User.Theme`."""
    user.theme = theme
    user.save(update_fields=["theme"])
