"""The forms of a user's own account."""

from django import forms
from django.conf import settings

from panel.accounts.models import User


class LanguageForm(forms.Form):
    """One of the panel's languages."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ThemeForm(forms.Form):
    """Light, dark, or as the system is."""

    theme = forms.ChoiceField(choices=User.Theme.choices)
