"""What is not there under `/api/v1/` is a problem document too."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.views import APIView

from panel.rest.permissions import PUBLIC


class MissingView(APIView):
    """Answers every address the API does not have."""

    schema = None
    permissions = dict.fromkeys(("get", "post", "put", "patch", "delete", "head"), PUBLIC)

    def get(self, request: Request, rest: str) -> None:
        """404."""
        raise Http404

    post = put = patch = delete = get
