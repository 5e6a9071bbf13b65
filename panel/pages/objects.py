"""Pages about one object, which may be removed by someone else while the page is open."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.views.generic import DetailView
from django_htmx.http import HttpResponseClientRedirect

from panel.pages.access import Page
from panel.pages.lists import is_part


class ObjectPage(Page, DetailView):  # type: ignore[type-arg]
    """One object. When it is gone, a page that stayed open goes to `list_name` and says `gone_words` there.

    `leading_part` is the id of the one element that asks the page to leave; the others stay as they were till then.
    """

    template_name: str
    leading_part: str
    list_name: str
    gone_words: str | Promise

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the way back to the list."""
        try:
            return super().get(request, *args, **kwargs)
        except Http404:
            if not request.htmx:  # type: ignore[attr-defined]
                raise
            if not is_part(request, self.leading_part):
                return HttpResponse(status=204)
            messages.info(request, str(self.gone_words))
            return HttpResponseClientRedirect(reverse(self.list_name))
