"""What a host tells about itself when asked."""

from panel.hosts.report import send_report
from panel.operations.host import operation
from panel.operations.work import Outcome, Work


@operation("hosts.report")
def report(work: Work) -> Outcome:
    """Tell everything anew: capabilities, containers, images."""
    send_report(work.engine)
    return Outcome()
