"""A host agent whose engine has an image of several layers."""

import io
from collections.abc import Callable, Iterator

import pytest

from engine import Engine
from engine import Image as EngineImage
from tests import images
from tests.services.agent import agent, agents, engine

__all__ = ["agent", "agents", "engine"]

Loaded = Callable[[images.Built], EngineImage]


@pytest.fixture
def loaded(engine: Engine) -> Iterator[Loaded]:
    """Load an image into the agent's store; it goes when the test ends."""
    kept: list[str] = []

    def load(built: images.Built) -> EngineImage:
        (image,) = engine.load_image(io.BytesIO(images.docker_archive(built)))
        kept.append(image.id)
        return image

    yield load
    present = {image.id for image in engine.images()}
    for image_id in kept:
        if image_id in present:
            engine.remove_image(image_id, force=True)
