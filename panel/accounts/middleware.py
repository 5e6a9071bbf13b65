"""Shows a signed-in person the panel in the language they chose, wherever they sign in."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation


def preferred_language(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Activate `request.user.language`; without one Django's LocaleMiddleware has decided already."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language = getattr(request.user, "language", "")
        if not language:
            return get_response(request)
        with translation.override(language):
            request.LANGUAGE_CODE = translation.get_language()
            return get_response(request)

    return middleware
