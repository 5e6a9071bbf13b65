"""What a host does with registries."""

from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.registries.unsealing import opened


@operation("registries.check")
def check(work: Work, access: str) -> Outcome:
    """Sign in, and nothing else."""
    work.engine.check_registry(opened(work, access))
    return Outcome()
