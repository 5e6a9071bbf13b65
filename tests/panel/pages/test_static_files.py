"""The files of `static/dist` as they go out: whole answers, which ASGI sends without a warning."""

from pathlib import Path

import pytest
from django.test import Client

DIST = Path(__file__).resolve().parents[3] / "static" / "dist"
STYLES = (DIST / "main.css").read_bytes()
ADDRESS = "/static/main.css"


def test_a_file_is_sent_whole_with_its_type_and_length() -> None:
    answer = Client().get(ADDRESS)
    assert not answer.streaming
    assert (answer.status_code, answer.content) == (200, STYLES)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["Content-Length"] == str(len(STYLES))


def test_a_part_of_a_file_is_sent_where_only_that_is_asked_for() -> None:
    answer = Client().get(ADDRESS, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, STYLES[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(STYLES)}"


@pytest.mark.parametrize("method", ["get", "head"])
def test_what_the_browser_has_already_is_not_sent_again(method: str) -> None:
    known = Client().get(ADDRESS).headers["Last-Modified"]
    answer = getattr(Client(), method)(ADDRESS, headers={"If-Modified-Since": known})
    assert (answer.status_code, answer.content) == (304, b"")


def test_head_tells_the_length_and_sends_nothing() -> None:
    answer = Client().head(ADDRESS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(STYLES))
