"""What is done for the registry by the clock: rules are applied, then garbage is collected."""

import logging

from celery import shared_task

from panel.accounts.actors import Actor
from panel.distribution import collection, governing
from panel.distribution.models import Namespace

logger = logging.getLogger(__name__)


@shared_task(name="distribution.tidy", expires=1800)
def tidy() -> None:
    """Both, for every namespace."""
    actor = Actor.system("registry")
    for namespace in Namespace.objects.all():
        governing.retain(actor=actor, namespace=namespace, is_dry_run=False)
    found = collection.collect()
    if found.blobs or found.uploads:
        logger.info("the registry let %d blobs and %d uploads go", len(found.blobs), found.uploads)
