"""Forms whose values a service checks."""

from typing import Any

from django import forms

from panel.errors import Refused


class AskingForm(forms.Form):
    """A form whose values a service checks: its refusals are shown beside the fields they name.

    `places` says which field of the form shows what is said of a field of the specification, where it has another name.
    `typed` are fields of one's own words, which no browser is to complete or correct; `mono` those in even letters.
    """

    places: dict[str, str] = {}
    typed: tuple[str, ...] = ()
    mono: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fit()
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": self._class(name, field)}
            if name in self.typed:
                field.widget.attrs |= {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
            if isinstance(field, forms.FloatField):
                field.widget.attrs |= {"step": "any", "min": "0", "inputmode": "decimal"}

    def fit(self) -> None:
        """Fit the fields to who fills them in, before anything is looked at."""

    def _class(self, name: str, field: forms.Field) -> str:
        if isinstance(field.widget, forms.CheckboxInput):
            return "form-check-input"
        look = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
        mono = " mono" if name in self.mono else ""
        return look + mono + (" is-invalid" if self.is_bound and name in self.errors else "")

    def place(self, field: str) -> str:
        """The field of the form that shows what is said of `field` of the specification."""
        whole = field.partition("[")[0]
        return self.places.get(whole, self.places.get(whole.partition(".")[0], whole))

    def add_refusal(self, refusal: Refused) -> None:
        """Put a service's refusal beside the field it names, or above the form."""
        field = self.place(refusal.field)
        text = f"{refusal.message} {refusal.hint}".strip()
        self.add_error(field if field in self.fields else None, text)
        if field in self.fields:
            self.fields[field].widget.attrs["class"] += " is-invalid"


def lines(text: str) -> list[str]:
    """What was typed, one entry a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]
