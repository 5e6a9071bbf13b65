"""The choice of a host in a form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from panel.hosts.models import Host


class HostChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django has no arguments for it at run time
    """Which host is meant: the first one, unless another is chosen."""

    def __init__(self) -> None:
        hosts = Host.objects.order_by("created_at")
        super().__init__(hosts, label=_("Host"), required=False, empty_label=None, initial=hosts.first)


def without_needless_host(fields: dict[str, forms.Field]) -> None:
    """Nobody is asked for the host where there is but one."""
    if Host.objects.count() < 2:
        del fields["host"]


def host_asked(given: dict[str, Any]) -> str:
    """The name of the host that was chosen; empty where nobody was asked."""
    host = given.get("host")
    return host.name if host else ""
