"""What the REST API's view sets share."""

from typing import Any, Generic, TypeVar

from django.db.models import Model
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

M = TypeVar("M", bound=Model)


class ModelViewSet(GenericViewSet[M], Generic[M]):
    """A view set whose single objects are looked up by their address alone: a list's filters do not apply to them."""

    def get_object(self) -> M:
        """The object the address names; Http404 if there is none."""
        value = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        return get_object_or_404(self.get_queryset(), **{self.lookup_field: value})


def asked(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The request's body, checked. Raises DRF's ValidationError."""
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
