"""Pages that are one form: filled in, sent to a service, and shown again with what it refused beside the fields."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise

from panel.errors import Refused
from panel.pages.access import Page
from panel.pages.asking import AskingForm


class FormPage(Page):
    """One form. `form` makes it, `send` calls the service and says where to go next.

    The template gets `heading`, `lead` below it, `submit` for the button, and `back`: the address and the words of the
    way back.
    """

    template_name = "pages/form.html"
    heading: str | Promise
    lead: str | Promise = ""
    submit: str | Promise

    def form(self, data: Any = None) -> AskingForm:
        """The form, filled in with `data` if it was sent."""
        raise NotImplementedError

    def send(self, form: Any) -> HttpResponse:
        """Call the service with what is in the valid form; a Refused is shown beside its field."""
        raise NotImplementedError

    def back(self) -> tuple[str, str | Promise]:
        """Where the page's visitor came from: address and words."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form as it is at first."""
        return self.show(self.form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What was asked is done, or the form says why not."""
        form = self.form(request.POST)
        if form.is_valid():
            try:
                return self.send(form)
            except Refused as refusal:
                form.add_refusal(refusal)
        return self.show(form, status=422)

    def show(self, form: AskingForm, *, status: int = 200) -> HttpResponse:
        """The page around the form."""
        address, words = self.back()
        context = {"form": form, "heading": self.heading, "lead": self.lead, "submit": self.submit}
        context |= {"back_address": address, "back_words": words, **self.further()}
        return render(self.request, self.template_name, context, status=status)

    def further(self) -> dict[str, Any]:
        """What else the template needs."""
        return {}
