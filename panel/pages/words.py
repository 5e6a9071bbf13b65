"""The words scripts need (static/src/js/words.js), in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SCRIPT_WORDS: dict[str, Promise] = {
    "copied": _("Copied"),
    "no answer": _("The panel does not answer"),
    "no answer hint": _("Containers keep running. Check the connection and try again."),
    "refused": _("You may not do this"),
    "refused hint": _("Your role does not include it, or you were signed out: reload the page."),
    "gone": _("It is not there any more"),
    "gone hint": _("Someone may have removed it meanwhile."),
    "fault": _("The panel could not do this"),
    "fault hint": _("It answered with status {status}; the log of the web process has the details."),
    "lines": _("{count} lines"),
    "lines match": _("{count} of {all} lines match"),
    "lines dropped": _("{count} older lines left this page; the download has them all"),
    "new lines": _("{count} new lines"),
    "log connecting": _("Connecting"),
    "log live": _("Live"),
    "log lost": _("Connection lost, trying again"),
    "log ended": _("Ended"),
    "log refused": _("You may not read this log"),
    "log gone": _("The container was removed"),
    "no lines live": _("It runs, but has not written a line yet."),
    "no lines ended": _("It has not written a line."),
    "no lines match": _("No line matches the filter."),
    "mark lost": _("— the connection was lost —"),
    "mark resumed": _("— connected again, nothing is missing —"),
    "mark ended": _("— the container's run ended —"),
    "upload checking": _("Received; handing it to the host"),
    "upload broken": _("The connection broke off. Nothing was kept; try again."),
    "upload cancelled": _("Cancelled. Nothing was kept."),
}
