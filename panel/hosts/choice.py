"""Which host a request means."""

from django.utils.translation import gettext as _

from panel.errors import Missing
from panel.hosts.models import Host


def host_named(name: str) -> Host:
    """The host of that name, the first one without a name; Missing if there is none."""
    host = Host.objects.filter(pk=name).first() if name else Host.objects.order_by("created_at").first()
    if host is None:
        raise Missing(_("There is no host %(name)s.") % {"name": name}, field="host")
    return host
