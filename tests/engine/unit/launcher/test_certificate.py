"""Certificates as files: the newest are kept, the last words are the run's own, what is not there is left out."""

import json
import os
from pathlib import Path

from engine.launcher import certificate, records
from engine.launcher.records import Exit
from engine.logs.last_words import last_words
from engine.logs.writer import STDERR, STDOUT, LogWriter

AT = "2026-01-01T00:00:00.000000Z"


def write(folder: Path, run: int) -> None:
    certificate.write(str(folder), Exit(run, 0, 0, False, AT, "", 0, None), False, {})


def test_the_certificates_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    for run in range(1, certificate.KEPT + 4):
        write(tmp_path, run)
    kept = sorted(int(path.stem) for path in (tmp_path / "history").iterdir())
    assert kept == list(range(4, certificate.KEPT + 4))


def test_a_request_is_kept_with_the_end_it_was_for(tmp_path: Path) -> None:
    records.write_json(f"{tmp_path}/asked.json", {"run": 1, "verb": "stop", "ends": True})
    for run in (1, 2):
        write(tmp_path, run)
    first, second = (json.loads((tmp_path / "history" / f"{run}.json").read_text()) for run in (1, 2))
    assert (first["asked"]["verb"], second["asked"]) == ("stop", None)


def test_evidence_is_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "memory.peak").write_text("5\n")
    assert certificate.gather([[str(tmp_path), "memory.peak", "memory.max"]]) == {"memory.peak": "5\n"}


def test_last_words_are_of_both_streams_and_of_the_last_run_alone(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path))
    log.write(b"earlier\n", STDOUT)
    log.mark_end(1)
    assert last_words(str(tmp_path), 100) == b"earlier\n"
    for number in range(300):
        log.write(b"%03d\n" % number, STDOUT if number % 2 else STDERR)
    log.mark_end(2)
    assert last_words(str(tmp_path), 4096) == b"".join(b"%03d\n" % number for number in range(300))
    assert last_words(str(tmp_path), 8) == b"298\n299\n"
    log.mark_end(3)
    assert last_words(str(tmp_path), 100) == b""
    log.close()


def test_last_words_go_back_across_rotations_but_not_into_the_run_before(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path), segment_bytes=200)
    log.write(b"earlier\n", STDOUT)
    log.mark_end(1)
    for number in range(100):
        log.write(b"%03d\n" % number, STDOUT)
    log.mark_end(2)
    assert last_words(str(tmp_path), 100) == b"".join(b"%03d\n" % number for number in range(75, 100))
    log.close()
    log = LogWriter(str(tmp_path), segment_bytes=20)  # so that the next run begins a segment
    log.write(b"next\n", STDOUT)
    log.mark_end(3)
    assert last_words(str(tmp_path), 100) == b"next\n"
    log.close()


def test_last_words_of_a_run_that_was_rotated_away_are_what_is_left(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path), segment_bytes=200, segments=2)
    for number in range(100):
        log.write(b"%03d\n" % number, STDOUT)
    log.mark_end(1)
    words = last_words(str(tmp_path), 8192)
    assert words.endswith(b"098\n099\n")
    assert 40 < len(words) < 400
    log.close()


def test_last_words_in_dockers_files_are_told_apart_by_their_time(tmp_path: Path) -> None:
    lines = [("old\n", "08.9Z"), ("first\n", "09.5Z"), ("\u00fc\n", "09.500000001Z")]
    text = "".join(
        json.dumps({"log": log, "stream": "stdout", "time": f"2026-01-01T00:00:{time}"}, separators=(",", ":")) + "\n"
        for log, time in lines
    )
    (tmp_path / "x-json.log").write_text(text)
    assert last_words(str(tmp_path), 100, "2026-01-01T00:00:09.500000Z") == "first\n\u00fc\n".encode()
    assert last_words(str(tmp_path), 100) == "old\nfirst\n\u00fc\n".encode()
    (tmp_path / "x-json.log").rename(tmp_path / "x-json.log.1")
    (tmp_path / "x-json.log").write_text(text)
    assert last_words(str(tmp_path), 100).decode() == 2 * "old\nfirst\n\u00fc\n"


def test_a_log_that_is_empty_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(str(tmp_path), 100) == b""
    os.mkdir(tmp_path / "log")
    LogWriter(str(tmp_path / "log")).close()
    assert last_words(str(tmp_path / "log"), 100) == b""
