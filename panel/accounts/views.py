"""A user's own account: language, theme, password, API tokens."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import TemplateView, View

from panel.accounts import preferences
from panel.accounts.forms import LanguageForm, ThemeForm
from panel.accounts.models import User
from panel.pages.access import Page


class Me(Page, TemplateView):
    """Who is signed in, with what roles, and what they may set for themselves."""

    permission_required = ()
    template_name = "accounts/me.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds roles."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - the page is behind sign-in
        roles = [group.name for group in user.groups.order_by("name")]
        return super().get_context_data(**kwargs) | {"roles": roles}


class Theme(Page):
    """Choose a theme."""

    permission_required = ()
    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Back to where the choice was made."""
        form = ThemeForm(request.POST)
        if not form.is_valid():
            return HttpResponseBadRequest()
        assert isinstance(request.user, User)  # noqa: S101 - the page is behind sign-in
        preferences.choose_theme(user=request.user, theme=form.cleaned_data["theme"])
        return back(request)


class Language(View):
    """Choose a language; a cookie keeps it before sign-in. Open to all, for the sign-in page has languages too."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Back to where the choice was made."""
        form = LanguageForm(request.POST)
        if not form.is_valid():
            return HttpResponseBadRequest()
        language = form.cleaned_data["language"]
        if isinstance(request.user, User):
            preferences.choose_language(user=request.user, language=language)
        response = back(request)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 86400,
            samesite="Lax",
            httponly=True,
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
        return response


def back(request: HttpRequest) -> HttpResponseRedirect:
    """To `next`, if it is an address of this panel."""
    target = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(target if is_ours else "/")
