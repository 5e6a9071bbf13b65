"""The words of the pages: both languages are complete, icons exist, numbers are said as people say them."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from panel.pages.templatetags.pages import amount, say_ago
from panel.pages.templatetags.pages import bytes as say_bytes
from panel.pages.wording import step_words

CHECKOUT = Path(__file__).resolve().parents[3]
CATALOGUE = CHECKOUT / "locale/zh_Hans/LC_MESSAGES/django.po"
SOURCES = ["--ignore=.venv", "--ignore=node_modules", "--ignore=tests", "--ignore=engine", "--extension=html,py"]


def test_the_chinese_translation_is_complete() -> None:
    untranslated = subprocess.run(
        ["msgattrib", "--untranslated", "--no-obsolete", str(CATALOGUE)], capture_output=True, text=True, check=True
    )
    assert untranslated.stdout == ""


def test_every_text_of_the_pages_is_in_the_catalogue() -> None:
    known = CATALOGUE.read_text()
    pattern = re.compile(r'{%\s*translate "([^"]+)"')
    for template in (CHECKOUT / "templates").rglob("*.html"):
        for text in pattern.findall(template.read_text()):
            assert f'msgid "{text}"' in known, f"{template.name}: {text}"


def test_every_icon_is_in_the_sheet() -> None:
    listed = set((CHECKOUT / "static/src/icons.txt").read_text().split())
    for template in (CHECKOUT / "templates").rglob("*.html"):
        used = set(re.findall(r'{% icon "([a-z0-9-]+)"', template.read_text()))
        assert used <= listed, f"{template.name}: {used - listed}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (1, "1 second ago"), (90, "1 minute ago"), (7300, "2 hours ago"), (9e4, "1 day ago")],
)
def test_times_are_said_relative(seconds: float, words: str) -> None:
    assert say_ago(timezone.now() - timedelta(seconds=seconds)) == words


def test_times_are_said_in_chinese_too() -> None:
    with translation.override("zh-hans"):
        assert say_ago(timezone.now() - timedelta(minutes=3)) == "3分钟前"


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (999, "999 B"), (4_200_000, "4.2 MB"), (1.5e12, "1.5 TB")])
def test_sizes_have_one_digit(count: float, words: str) -> None:
    assert say_bytes(count) == words


def test_a_step_says_how_far_it_is() -> None:
    assert amount({"current": 5_000_000, "total": 10_000_000, "unit": "bytes"}) == "5.0 MB / 10.0 MB"
    assert amount({"current": 3, "total": 3, "unit": "layers"}) == "3"
    assert amount({"current": 0, "total": None}) == ""


def test_the_hosts_steps_are_said_in_words() -> None:
    assert step_words("read archive") == "Read the archive"
    assert step_words("layer 2 of 3 (9f2c1a7744aa)") == "Layer 2 of 3, 9f2c1a7744aa"
    assert step_words("something new") == "something new"


def test_what_a_container_wrote_never_becomes_markup() -> None:
    text = Template("{% load pages %}{{ value|pretty }}").render(Context({"value": {"error": "<script>"}}))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
