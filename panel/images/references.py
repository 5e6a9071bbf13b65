"""Finds the image a person means: by reference as it is usually written, by id, or by the beginning of an id."""

import re

from panel.hosts.models import Host
from panel.images.models import Image

HEX = re.compile(r"[0-9a-f]{4,64}")


def candidates(name: str) -> set[str]:
    """How a store may have written down the reference `name`: `busybox` is also `docker.io/library/busybox:latest`."""
    last = name.rpartition("/")[2]
    tagged = name if ":" in last or "@" in name else f"{name}:latest"
    first = name.partition("/")[0]
    has_registry = "/" in name and ("." in first or ":" in first or first == "localhost")
    if has_registry:
        return {name, tagged}
    path = tagged if "/" in name else f"library/{tagged}"
    return {name, tagged, f"docker.io/{path}"}


def find(host: Host, name: str) -> Image | None:
    """The image on `host` that `name` means; None if there is none, or if an id's beginning means several."""
    wanted = candidates(name)
    images = list(Image.objects.filter(host=host).only("id", "host", "image_id", "references"))
    for image in images:
        if image.image_id == name or wanted & set(image.references):
            return image
    if "@" in name:
        known = Image.objects.filter(host=host).values_list("pk", "config__digests")
        having = [pk for pk, digests in known if wanted & set(digests or ())]
        return Image.objects.filter(pk__in=having).first()
    digits = name.removeprefix("sha256:")
    if not HEX.fullmatch(digits):
        return None
    matching = [image for image in images if image.image_id.removeprefix("sha256:").startswith(digits)]
    return matching[0] if len(matching) == 1 else None


def familiar(reference: str) -> str:
    """The reference as people write it: `docker.io/library/busybox:latest` is `busybox:latest`."""
    path = reference.removeprefix("docker.io/")
    return path if path == reference else path.removeprefix("library/")
