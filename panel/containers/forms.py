"""What the forms of the container pages share, and the list's filters."""

import shlex
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.containers.models import Container
from panel.pages.asking import AskingForm
from panel.pages.wording import RESTARTS

MIB = 1 << 20
LEAST_MEMORY_MIB = 6  # the engine's own floor


class ContainerFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at name, id and image; `state` at how it is."""

    STATES = [
        ("running", _("Running")),
        ("look", _("Needs a look")),
        ("ended", _("Ended")),
        ("created", _("Not started")),
    ]

    search = django_filters.CharFilter(method="by_text")
    state = django_filters.ChoiceFilter(choices=STATES, method="by_state", empty_label=_("Any state"))

    class Meta:
        model = Container
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Container]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]

    def by_state(self, rows: Any, name: str, state: str) -> QuerySet[Container]:
        """One of STATES."""
        match state:
            case "running":
                return rows.running()  # type: ignore[no-any-return]
            case "look":
                return rows.unhealthy()  # type: ignore[no-any-return]
            case "ended":
                return rows.filter(status=Container.Status.EXITED)  # type: ignore[no-any-return]
        return rows.filter(status=Container.Status.CREATED)  # type: ignore[no-any-return]


class CommandField(forms.CharField):
    """A command line, split into words as a shell would, without any of a shell's expansions."""

    def clean(self, value: Any) -> list[str]:
        """The words; ValidationError for a quote that is not closed."""
        text = super().clean(value)
        try:
            return shlex.split(text)
        except ValueError as error:
            raise forms.ValidationError(_("A quote or backslash in it is not closed.")) from error


class LimitsForm(AskingForm):
    """How much a container may use, and when it is started again: asked at its creation and changed later."""

    memory_mib = forms.IntegerField(label=_("Memory (MiB)"), required=False, min_value=LEAST_MEMORY_MIB)
    memory_swap_mib = forms.IntegerField(
        label=_("Memory and swap (MiB)"), required=False, help_text=_("Together; the same as the memory is no swap.")
    )
    cpus = forms.FloatField(label=_("Processors"), required=False, help_text=_("0.5 is half of one."))
    cpu_shares = forms.IntegerField(
        label=_("Processor weight"), required=False, help_text=_("Counts when they are short; 1024 is usual.")
    )
    pids = forms.IntegerField(label=_("Processes"), required=False, help_text=_("The most it may have at once."))
    restart = forms.ChoiceField(label=_("Start it again"), choices=list(RESTARTS.items()), required=False)
    restart_retries = forms.IntegerField(
        label=_("Times at most"),
        required=False,
        min_value=0,
        help_text=_("In a row, after a failure; empty is no end."),
    )

    LIMITS = {
        "memory_bytes": "memory_mib",
        "memory_swap_bytes": "memory_swap_mib",
        "cpus": "cpus",
        "cpu_shares": "cpu_shares",
        "pids": "pids",
    }
    """The form's field by the name of the limit."""

    PLACES = {f"resources.{limit}": field for limit, field in LIMITS.items()} | {
        "restart.max_retries": "restart_retries"
    }
    places = PLACES

    def limits(self) -> dict[str, Any]:
        """`engine.Resources` as JSON, with None for each that was left empty."""
        given = {limit: self.cleaned_data[field] for limit, field in self.LIMITS.items()}
        return {limit: _bytes(value) if limit.endswith("_bytes") else value for limit, value in given.items()}

    def restart_policy(self) -> dict[str, Any]:
        """`engine.RestartPolicy` as JSON."""
        return {
            "name": self.cleaned_data["restart"] or "no",
            "max_retries": self.cleaned_data["restart_retries"] or 0,
        }


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes if mebibytes < 0 else mebibytes * MIB
