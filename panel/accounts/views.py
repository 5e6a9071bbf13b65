"""A user's own account: language, theme, password, API tokens."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from panel.accounts import preferences, services
from panel.accounts.forms import LanguageForm, ThemeForm, TokenForm
from panel.accounts.models import Token, User
from panel.errors import Refused
from panel.pages.access import Page


class Me(Page, TemplateView):
    """Who is signed in, with what roles, and what they may set for themselves."""

    permission_required = ()
    template_name = "accounts/me.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds roles and tokens."""
        user = signed_in(self.request)
        roles = [group.name for group in user.groups.order_by("name")]
        tokens = Token.objects.filter(user=user)
        return super().get_context_data(**kwargs) | {"roles": roles, "tokens": tokens}


@method_decorator(never_cache, name="dispatch")
class CreateToken(Page):
    """Make an API token. Its secret is in the answer to the form and nowhere else."""

    permission_required = ()

    def get(self, request: HttpRequest) -> HttpResponse:
        """An empty form."""
        return self.show(TokenForm(user=signed_in(request)))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Show the secret once, or what is wrong beside the fields."""
        user = signed_in(request)
        form = TokenForm(request.POST, user=user)
        if form.is_valid():
            given = form.cleaned_data
            try:
                _token, secret = services.create_token(
                    actor=self.actor,
                    user=user,
                    name=given["name"],
                    scopes=frozenset(given["scopes"]),
                    expires_in=form.expires_in,
                )
            except Refused as refusal:
                form.add_refusal(refusal)
            else:
                return self.show(form, secret=secret)
        return self.show(form, status=422)

    def show(self, form: TokenForm, *, secret: str = "", status: int = 200) -> HttpResponse:
        """The form, or the secret."""
        context = {"form": form, "secret": secret}
        return render(self.request, "accounts/create_token.html", context, status=status)


class RevokeToken(Page):
    """Take an API token back."""

    permission_required = ()
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Back to the account."""
        token = get_object_or_404(Token, user=signed_in(request), pk=pk)
        services.revoke_token(actor=self.actor, token=token)
        return redirect("accounts:me")


class Theme(Page):
    """Choose a theme."""

    permission_required = ()
    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Back to where the choice was made."""
        form = ThemeForm(request.POST)
        if not form.is_valid():
            return HttpResponseBadRequest()
        preferences.choose_theme(user=signed_in(request), theme=form.cleaned_data["theme"])
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


def signed_in(request: HttpRequest) -> User:
    """The visitor of a page that is behind sign-in."""
    assert isinstance(request.user, User)  # noqa: S101 - Page has checked it
    return request.user


def back(request: HttpRequest) -> HttpResponseRedirect:
    """To `next`, if it is an address of this panel."""
    target = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(target if is_ours else "/")
