"""Work on files as the root of those inside: ids that have no place in a user namespace can make none."""

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.rootfs.ids import Ids
from engine.sys.fsids import set_filesystem_ids

Result = TypeVar("Result")


def as_root_of(ids: Ids, work: Callable[[], Result]) -> Result:
    """Do `work`, in a thread that makes files as the container's root unless that is this one's; what it returns."""
    if ids.is_identity:
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            set_filesystem_ids(ids.users.to_outside(0), ids.groups.to_outside(0))
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="files")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
