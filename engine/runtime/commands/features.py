"""`features`: print what this runtime knows of the specification."""

import json
from argparse import ArgumentParser, Namespace

from engine.runtime import features
from engine.runtime.diary import Diary
from engine.runtime.store import Store


def add_arguments(_: ArgumentParser) -> None:
    """There are none."""


def carry_out(_: Namespace, __: Store, ___: Diary) -> None:
    """See `engine.runtime.features`."""
    print(json.dumps(features.document(), indent=2))
