"""Serves what the browser loads from `static/dist`, each file as one whole answer.

WhiteNoise's own answers stream from the open file, which is synchronous: Django's ASGI handler warns of that, and reads
such a file whole before it sends anything.
"""

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """`WhiteNoiseMiddleware`, but for how a file goes out."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The file or a part of it, or why the browser's own copy will do."""
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file as file:
                content = file.read()
        answer = HttpResponse(content, status=int(found.status))
        del answer["Content-Type"]
        for name, value in found.headers:
            answer[name] = value
        return answer
