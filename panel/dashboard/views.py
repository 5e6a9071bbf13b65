"""The first page: each part of it is there only for those who may see what it shows."""

from typing import Any

from django.views.generic import TemplateView

from panel.containers.models import Container
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from panel.pages.access import Page, may
from panel.pages.lists import is_part

SHOWN = 8


class Home(Page, TemplateView):
    """For everyone who is signed in."""

    permission_required = ()
    template_name = "dashboard/home.html"

    def get_template_names(self) -> list[str]:
        """Only what changes, when it asks for itself."""
        return ["dashboard/_home.html" if is_part(self.request, "dashboard") else self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the visitor may see of containers, images, operations and hosts."""
        user: Any = self.request.user
        containers = Container.objects.visible_to(user)
        operations = Operation.objects.visible_to(user).select_related("host")
        hosts = Host.objects.all() if may(self.request, "hosts.view") else Host.objects.none()
        return super().get_context_data(**kwargs) | {
            "running": containers.running().order_by("-started_at")[:SHOWN],
            "failed": containers.unhealthy().order_by("-finished_at")[:SHOWN],
            "running_count": containers.running().count(),
            "failed_count": containers.unhealthy().count(),
            "container_count": containers.count(),
            "image_count": Image.objects.visible_to(user).count(),
            "operations": operations[:SHOWN],
            "hosts": hosts,
        }
