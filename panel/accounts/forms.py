"""The forms of a user's own account."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from panel.accounts.models import User
from panel.accounts.roles import PERMISSIONS
from panel.errors import Refused


class LanguageForm(forms.Form):
    """One of the panel's languages."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ThemeForm(forms.Form):
    """Light, dark, or as the system is."""

    theme = forms.ChoiceField(choices=User.Theme.choices)


class TokenForm(forms.Form):
    """A new API token: its name, how long it lasts, and what it may do out of what the user may."""

    DAYS = [("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), ("", _("for ever"))]

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What uses it, so that you know which one to revoke.")
    )
    days = forms.ChoiceField(label=_("Valid for"), choices=DAYS, required=False, initial="90")
    scopes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [(name, name) for name in sorted(PERMISSIONS) if user.has_perm(name)]
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101 - declared above
        scopes.choices = mine
        scopes.widget.attrs["class"] = "form-check-input"
        self.fields["name"].widget.attrs |= {"class": "form-control", "autocomplete": "off"}
        self.fields["days"].widget.attrs["class"] = "form-select"

    @property
    def expires_in(self) -> timedelta | None:
        """How long it lasts; None is for ever."""
        days = self.cleaned_data["days"]
        return timedelta(days=int(days)) if days else None

    def add_refusal(self, refusal: Refused) -> None:
        """Put a service's refusal beside the field it names, or above the form."""
        field = refusal.field if refusal.field in self.fields else None
        self.add_error(field, f"{refusal.message} {refusal.hint}".strip())
