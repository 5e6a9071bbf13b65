"""The form of a new volume."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from panel.pages.asking import AskingForm


class VolumeForm(AskingForm):
    """What `engine.VolumeSpec` takes, as people say it."""

    name = forms.CharField(label=_("Name"), required=False, help_text=_("Left empty, one of 64 digits is chosen."))
    size = forms.CharField(
        label=_("Size"),
        required=False,
        help_text=_("The most it may hold, such as 500M or 10G. Without one: no limit."),
    )
    uid = forms.IntegerField(label=_("Owner"), required=False, min_value=0, help_text=_("A user's number."))
    gid = forms.IntegerField(label=_("Group"), required=False, min_value=0, help_text=_("A group's number."))
    type = forms.CharField(
        label=_("Type"), required=False, help_text=_("Such as tmpfs or nfs; none with the option bind. Usually empty.")
    )
    device = forms.CharField(label=_("Device"), required=False, help_text=_("Such as /srv/data or :/share."))
    o = forms.CharField(label=_("Mount options"), required=False, help_text=_("Such as bind,ro or addr=10.0.0.1."))

    typed = mono = ("name", "size", "type", "device", "o")
    places = {"options.size": "size", "size_bytes": "size", "options.type": "type", "options.device": "device"}
    places |= {"options.o": "o"}

    def place(self, field: str) -> str:
        """A field of the options has its own place."""
        whole = field.partition("[")[0]
        return self.places.get(whole, whole)

    def spec(self) -> dict[str, Any]:
        """The same in the engine's words."""
        given = self.cleaned_data
        options = {name: given[name].strip() for name in ("type", "o", "device", "size") if given[name].strip()}
        return {"options": options} | {name: given[name] for name in ("uid", "gid") if given[name] is not None}
