"""What a container or an operation is doing, as a badge: its colour, its shape and the exact words."""

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.images.models import TrackedTag
from panel.operations.models import Operation
from panel.registries.models import Credential, Registry

register = template.Library()

UNDER_WAY: dict[str, str | Promise] = {
    "containers.start": gettext_lazy("Starting"),
    "containers.stop": gettext_lazy("Stopping"),
    "containers.restart": gettext_lazy("Restarting"),
    "containers.kill": gettext_lazy("Being killed"),
    "containers.remove": gettext_lazy("Being removed"),
    "containers.pause": gettext_lazy("Being paused"),
    "containers.unpause": gettext_lazy("Being resumed"),
}
SIGNALS = {129: "HUP", 130: "INT", 131: "QUIT", 134: "ABRT", 137: "KILL", 139: "SEGV", 143: "TERM"}


def badge(tone: str, words: str, more: str = "") -> SafeString:
    """A badge of tone `go`, `fail`, `wait`, `still` or none."""
    return format_html('<span class="state{}" title="{}">{}</span>', f" state-{tone}" if tone else "", more, words)


@register.simple_tag
def container_state(container: Container) -> SafeString:
    """Green runs; neutral was stopped on purpose or ended with 0; red is any other end, with its exit code.

    A container with a `verb` (`ContainerQuerySet` annotated by `with_verb`) says first what is being done with it.
    """
    status = Container.Status
    if words := UNDER_WAY.get(getattr(container, "verb", None) or ""):
        return badge("wait", str(words))
    match container.status:
        case status.RUNNING:
            return _running(container)
        case status.PAUSED:
            return badge("still", _("Paused"), _("Nothing in it moves until it is resumed."))
        case status.RESTARTING:
            return badge("fail", _("Waits to run again (%(code)s)") % {"code": container.exit_code}, container.error)
        case status.CREATING:
            return badge("wait", _("Being created"))
        case status.REMOVING:
            return badge("wait", _("Being removed"))
        case status.CREATED:
            return badge("", _("Not started"))
        case status.FAILED:
            return badge("fail", _("Could not be created"), container.error)
    return _ended(container)


def _running(container: Container) -> SafeString:
    match container.health:
        case "unhealthy":
            return badge("fail", _("Unhealthy"), _("It runs, but its health check fails."))
        case "starting":
            return badge("wait", _("Running, being checked"), _("Its health check has not succeeded yet."))
        case "healthy":
            return badge("go", _("Healthy"), _("It runs, and its health check succeeds."))
    return badge("go", _("Running"))


def _ended(container: Container) -> SafeString:
    code = container.exit_code
    more = exit_words(code)
    if container.oom_killed:
        return badge("fail", _("Out of memory (%(code)s)") % {"code": code}, more)
    if container.needs_look:
        return badge("fail", _("Failed (%(code)s)") % {"code": code}, more)
    if container.desired == Container.Desired.STOPPED:
        return badge("", _("Stopped (%(code)s)") % {"code": code}, more)
    return badge("", _("Exited (%(code)s)") % {"code": code}, more)


@register.filter
def exit_words(code: int | None) -> str:
    """What an exit code means by convention."""
    if code is None:
        return ""
    if code == 0:
        return _("It ended without an error.")
    if code == 126:
        return _("The program could not be executed.")
    if code == 127:
        return _("The program was not found in the image.")
    if code in SIGNALS:
        return _("Ended by the signal %(name)s.") % {"name": SIGNALS[code]}
    if code > 128:
        return _("Ended by the signal number %(number)d.") % {"number": code - 128}
    return _("The program ended with an error of its own.")


@register.simple_tag
def operation_state(operation: Operation) -> SafeString:
    """Waiting and running turn, done is neutral, failed is red, cancelled is neutral."""
    status = Operation.Status
    match operation.status:
        case status.QUEUED if not operation.host.is_online:
            return badge("wait", _("Waiting for the host"))
        case status.QUEUED:
            return badge("wait", _("Queued"))
        case status.RUNNING if operation.cancel_requested_at:
            return badge("wait", _("Being cancelled"))
        case status.RUNNING:
            return badge("wait", _("Running"))
        case status.DONE:
            return badge("go", _("Done"))
        case status.CANCELLED:
            return badge("", _("Cancelled"))
    return badge("fail", _("Failed"))


@register.simple_tag
def audit_outcome(entry: AuditEntry) -> SafeString:
    """Allowed is neutral: it is the rule. Denied and failed are red."""
    outcome = AuditEntry.Outcome
    match entry.outcome:
        case outcome.DENIED:
            return badge("fail", _("Denied"))
        case outcome.FAILED:
            return badge("fail", _("Failed"))
    return badge("", _("Allowed"))


@register.simple_tag
def registry_state(registry: Registry) -> SafeString:
    """Green is reached as it should be; what is allowed to be insecure stands out."""
    if not registry.is_enabled:
        return badge("", _("Switched off"))
    return badge("still", _("Insecure")) if registry.is_insecure else badge("go", _("Enabled"))


@register.simple_tag
def sign_in_state(credential: Credential) -> SafeString:
    """How the last check of the sign-in went."""
    return badge("fail", _("Failed")) if credential.check_error else badge("go", _("Sign-in works"))


@register.simple_tag
def tag_state(tag: TrackedTag) -> SafeString:
    """Whether a registry still gives out this image for the tag."""
    if not tag.is_current:
        return badge("still", _("Newer image available"))
    if tag.error:
        return badge("fail", _("Could not be asked"))
    return badge("go", _("Up to date")) if tag.checked_at else badge("", _("Not asked"))


@register.simple_tag
def newer_image() -> SafeString:
    """Beside an image, or a container of it, that is not the newest of its tag."""
    return badge("still", _("Newer image available"))
