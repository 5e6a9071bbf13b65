"""The forms of the container pages: the list's filters, and the form a container is created with."""

import shlex
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.containers.models import Container
from panel.errors import Refused

MIB = 1 << 20
LEAST_MEMORY_MIB = 6  # the engine's own floor

# Where a service's refusal belongs on the form, by the specification's field; any other goes above the form.
FIELDS = {"resources.memory_bytes": "memory_mib", "resources.cpus": "cpus", "resources.pids": "pids"}


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


class CreateForm(forms.Form):
    """What is asked of a new container. `to_spec` is `engine.ContainerSpec` as JSON; the service checks its values."""

    image = forms.CharField(label=_("Image"), help_text=_("A reference or an id of an image on the host."))
    name = forms.CharField(label=_("Name"), required=False, help_text=_("Left empty, it gets a friendly one."))
    command = CommandField(label=_("Command"), required=False, help_text=_("Replaces the image's command."))
    start = forms.BooleanField(label=_("Start it now"), required=False, initial=True)

    entrypoint = CommandField(label=_("Entrypoint"), required=False, help_text=_("Replaces the image's entrypoint."))
    env = forms.CharField(
        label=_("Environment"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "NAME=value"}),
        help_text=_("One NAME=value a line, added to the image's own."),
    )
    cwd = forms.CharField(label=_("Working directory"), required=False)
    user = forms.CharField(label=_("User"), required=False, help_text=_("Name or number, with :group if wanted."))
    hostname = forms.CharField(label=_("Host name"), required=False)
    tty = forms.BooleanField(label=_("Terminal"), required=False, help_text=_("Give its programs a terminal."))
    read_only = forms.BooleanField(label=_("Read-only root"), required=False)

    network = forms.ChoiceField(
        label=_("Network"),
        choices=[("none", _("None: only loopback")), ("host", _("Host: the host's own network"))],
        initial="none",
    )
    memory_mib = forms.IntegerField(label=_("Memory (MiB)"), required=False, min_value=LEAST_MEMORY_MIB)
    cpus = forms.FloatField(label=_("Processors"), required=False, help_text=_("0.5 is half of one."))
    pids = forms.IntegerField(label=_("Processes"), required=False, help_text=_("The most it may have at once."))

    basic = ("image", "name", "command")
    program = ("entrypoint", "cwd", "user", "hostname")
    limits = ("memory_mib", "cpus", "pids")
    typed = ("name", "command", "entrypoint", "env", "cwd", "user", "hostname")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": self._class(name, field)}
            if name in (*self.typed, "image"):
                field.widget.attrs |= {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["image"].widget.attrs |= {"list": "images"}
        self.fields["cpus"].widget.attrs |= {"step": "any", "min": "0", "inputmode": "decimal"}

    def _class(self, name: str, field: forms.Field) -> str:
        if isinstance(field.widget, forms.CheckboxInput):
            return "form-check-input"
        look = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
        mono = " mono" if name in ("command", "entrypoint", "env", "cwd") else ""
        return look + mono + (" is-invalid" if self.is_bound and name in self.errors else "")

    @property
    def has_more(self) -> bool:
        """Whether something beyond the basic fields is filled in or wrong, so that the page shows those at once."""
        return self.is_bound and bool(
            set(self.changed_data) - {*self.basic, "start"} or set(self.errors) - {*self.basic}
        )

    def basic_fields(self) -> list[forms.BoundField]:
        """What nearly everyone fills in."""
        return [self[name] for name in self.basic]

    def program_fields(self) -> list[forms.BoundField]:
        """How the program is run."""
        return [self[name] for name in self.program]

    def limit_fields(self) -> list[forms.BoundField]:
        """How much it may use."""
        return [self[name] for name in self.limits]

    def to_spec(self) -> dict[str, Any]:
        """What was asked, under the specification's names; what was left empty is not in it."""
        given = self.cleaned_data
        spec = {name: given[name] for name in ("image", "name", "command", "entrypoint", "cwd", "user", "hostname")}
        spec |= {name: given[name] for name in ("tty", "read_only", "network")}
        spec["env"] = [line.strip() for line in given["env"].splitlines() if line.strip()]
        memory = given["memory_mib"]
        limits = {
            "memory_bytes": memory * MIB if memory is not None else None,
            "cpus": given["cpus"],
            "pids": given["pids"],
        }
        spec["resources"] = {name: value for name, value in limits.items() if value is not None}
        return {name: value for name, value in spec.items() if value not in ("", [], {})}

    def add_refusal(self, refusal: Refused) -> None:
        """Put a service's refusal beside the field it names, or above the form."""
        field = FIELDS.get(refusal.field, refusal.field.partition("[")[0])
        text = f"{refusal.message} {refusal.hint}".strip()
        self.add_error(field if field in self.fields else None, text)
        if field in self.fields:
            self.fields[field].widget.attrs["class"] += " is-invalid"
