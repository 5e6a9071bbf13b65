"""Template tags of the pages: icons, times, sizes, states, and addresses with one parameter changed."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from panel.accounts.actors import Actor
from panel.images.references import familiar
from panel.operations.models import Operation
from panel.pages import wording
from panel.pages.words import SCRIPT_WORDS

register = template.Library()
for _filter in (
    familiar,
    wording.operation_words,
    wording.action_words,
    wording.step_words,
    wording.step_state_words,
    wording.how_words,
    wording.role_words,
    wording.capability_words,
    wording.capability_value,
    wording.ended_words,
    wording.restart_words,
    wording.seconds_words,
):
    register.filter(_filter)

NOTHING = "\N{EN DASH}"
UNITS = ("B", "KB", "MB", "GB", "TB")


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One picture of the sheet that `static/src/icons.txt` lists; it only decorates, the text beside it speaks."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        static("icons.svg"),
        name,
    )


@register.simple_tag
def words() -> SafeString:
    """The words scripts need, as a block of JSON."""
    return json_script({key: str(text) for key, text in SCRIPT_WORDS.items()}, "words")


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A time as `<time>`: said relative, and kept current by static/src/js/times.js."""
    return _time(moment, "ago", say_ago(moment) if moment else "")


@register.filter
def exact(moment: datetime | None) -> SafeString | str:
    """A time as `<time>`: date and time of day in the reader's zone."""
    return _time(moment, "exact", f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "")


@register.filter
def since(moment: datetime | None) -> SafeString | str:
    """How long something lasts already, as `<time>`."""
    return _time(moment, "since", say_ago(moment) if moment else "")


def _time(moment: datetime | None, form: str, text: str) -> SafeString | str:
    if moment is None:
        return NOTHING
    stamp = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-time="{}" title="{} UTC">{}</time>',
        stamp.isoformat(),
        form,
        stamp.strftime("%Y-%m-%d %H:%M:%S"),
        text,
    )


def say_ago(moment: datetime) -> str:
    """The words the browser will use as well, so that nothing moves when it takes over."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    if seconds < 1:
        return gettext("now")
    if seconds < 60:
        return ngettext("%d second ago", "%d seconds ago", seconds) % seconds
    if seconds < 3600:
        return ngettext("%d minute ago", "%d minutes ago", seconds // 60) % (seconds // 60)
    if seconds < 86400:
        return ngettext("%d hour ago", "%d hours ago", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day ago", "%d days ago", seconds // 86400) % (seconds // 86400)


@register.filter
def bytes(count: float | None) -> str:  # noqa: A001 - it is called by this name in templates
    """A size in decimal units with one digit: 4.2 MB."""
    if count is None:
        return NOTHING
    amount = float(count)
    for unit in UNITS[:-1]:
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} {UNITS[-1]}"


@register.filter
def mebibytes(count: int) -> str:
    """A limit as it was asked for: in MiB."""
    return f"{count / (1 << 20):,.0f} MiB"


@register.filter
def amount(step: dict[str, Any]) -> str:
    """How far a step is: bytes as sizes, anything else as plain numbers; nothing if it does not know."""
    current, total = step.get("current") or 0, step.get("total") or 0
    if not total and not current:
        return ""
    say = bytes if step.get("unit") == "bytes" else str
    return f"{say(current)} / {say(total)}" if total and current != total else say(total or current)


@register.filter
def took(operation: Operation) -> str:
    """How long an operation took from when it was asked: 34 ms, 2.1 s, 3 min 5 s."""
    if operation.finished_at is None:
        return ""
    return wording.seconds_words(
        (operation.finished_at - (operation.started_at or operation.queued_at)).total_seconds()
    )


@register.filter
def pretty(value: Any) -> str:
    """JSON with indentation."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def shell(words: list[str] | tuple[str, ...] | None) -> str:
    """A command line as one would type it."""
    return shlex.join(words or [])


@register.simple_tag(takes_context=True)
def address(context: template.Context, **changes: Any) -> str:
    """This page's address with some parameters changed; None removes one. Sorting and filtering begin at page one."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else request.path


@register.simple_tag(takes_context=True)
def may(context: template.Context, permission: str) -> bool:
    """Whether the visitor holds `permission`."""
    return bool(Actor.from_request(context["request"]).may(permission))


@register.simple_tag(takes_context=True)
def current(context: template.Context, area: str) -> SafeString | str:
    """Marks the navigation's link to the area that is open."""
    match = context["request"].resolver_match
    here = match.app_name if match else ""
    return SafeString('aria-current="page"') if here == area else ""


@register.inclusion_tag("pages/_sort.html", takes_context=True)
def sort_by(context: template.Context, name: str, label: str) -> dict[str, Any]:
    """A column head that sorts: first upwards, then downwards."""
    chosen = context["sort"]
    turned = f"-{name}" if chosen == name else name
    return {
        "label": label,
        "href": address(context, sort=turned),
        "order": {name: "ascending", f"-{name}": "descending"}.get(chosen, "none"),
    }
