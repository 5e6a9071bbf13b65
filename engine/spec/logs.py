"""Where a container's output goes, and how much of it is kept; drivers and options are those of Docker."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import InvalidSpec
from engine.spec import log_tags
from engine.spec.syslog import check_syslog
from engine.spec.values import between

_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_LEAST_BYTES = 4096
_MOST_BYTES = 1 << 40
_SEGMENT_MOST_BYTES = (1 << 32) - (4 << 20)  # where a piece ends is 32 bits in the index
_MOST_FILES = 10_000
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class LogDriver(StrEnum):
    """`local`: the engine's own format. `json-file`: Docker's files. `none`: nothing is kept. The others send away."""

    LOCAL = "local"
    JSON_FILE = "json-file"
    NONE = "none"
    SYSLOG = "syslog"
    JOURNALD = "journald"


class LogMode(StrEnum):
    """What happens when the log, or its receiver, takes output slower than it comes.

    `blocking`: the program waits. `non-blocking`: it never does. Output waits in memory, and what comes when too much
    waits already is dropped, counted and told of in the log.
    """

    BLOCKING = "blocking"
    NON_BLOCKING = "non-blocking"


@dataclass(frozen=True)
class Rotation:
    """`files` files of about `file_bytes` each (`None`: one without limit), all but the newest compressed or not."""

    file_bytes: int | None
    files: int
    compresses: bool


LOCAL_ROTATION = Rotation(16 << 20, 8, True)
CACHE_ROTATION = Rotation(20 * 10**6, 5, True)
"""What is kept for reading of output that is sent away, as Docker has it."""

_ROTATION = ("max-size", "max-file", "compress")
_CACHE = ("cache-disabled", "cache-max-size", "cache-max-file", "cache-compress")
_EXTRA = ("labels", "labels-regex", "env", "env-regex", "tag")
_SYSLOG = (
    "syslog-address",
    "syslog-facility",
    "syslog-format",
    "syslog-tls-ca-cert",
    "syslog-tls-cert",
    "syslog-tls-key",
    "syslog-tls-skip-verify",
)
_OPTIONS = {
    LogDriver.LOCAL: _ROTATION,
    LogDriver.JSON_FILE: (*_ROTATION, *_EXTRA),
    LogDriver.NONE: (),
    LogDriver.SYSLOG: (*_SYSLOG, *_EXTRA, *_CACHE),
    LogDriver.JOURNALD: (*_EXTRA, *_CACHE),
}


@dataclass(frozen=True)
class LogConfig:
    """The driver and its options, as Docker names and writes them (`max-size`: `10m`).

    `max_buffer_bytes` is how much waits in memory, in mode `non-blocking` for the log and in both for a receiver.
    """

    driver: LogDriver = LogDriver.LOCAL
    options: Mapping[str, str] = field(default_factory=dict)
    mode: LogMode = LogMode.BLOCKING
    max_buffer_bytes: int = 1 << 20

    def validate(self) -> None:
        """Raise InvalidSpec naming the option the driver does not know, or whose value makes no sense."""
        known = _OPTIONS[self.driver]
        for name in self.options:
            if name not in known:
                hint = f"Known: {', '.join(known)}." if known else "It has none."
                raise InvalidSpec(_at(name), f"is no option of the log driver {self.driver}", hint=hint)
        between("log.max_buffer_bytes", self.max_buffer_bytes, 1024, 1 << 30)
        self.rotation()
        for name in ("labels-regex", "env-regex"):
            _pattern(name, self.options.get(name, ""))
        log_tags.check(_at("tag"), self.options.get("tag", ""))
        if self.driver is LogDriver.SYSLOG:
            check_syslog(self.options)

    def rotation(self) -> Rotation | None:
        """How files are rotated; None where nothing is kept. Raises InvalidSpec."""
        if self.driver is LogDriver.LOCAL:
            return _rotation(self.options, "", LOCAL_ROTATION, _SEGMENT_MOST_BYTES)
        if self.driver is LogDriver.JSON_FILE:
            return _json_rotation(self.options)
        if self.driver is LogDriver.NONE or _truth("cache-disabled", self.options, False):
            return None
        return _rotation(self.options, "cache-", CACHE_ROTATION, _SEGMENT_MOST_BYTES)


def _json_rotation(options: Mapping[str, str]) -> Rotation:
    made = _rotation(options, "", Rotation(None, 1, False), _MOST_BYTES)
    if made.file_bytes is None and made.files > 1:
        raise InvalidSpec(_at("max-file"), "needs max-size: without, nothing is rotated")
    if made.compresses and made.files < 2:
        raise InvalidSpec(_at("compress"), "needs a max-file of 2 or more: the newest file is never compressed")
    return made


def _rotation(options: Mapping[str, str], prefix: str, usual: Rotation, most_bytes: int) -> Rotation:
    size, count = options.get(f"{prefix}max-size"), options.get(f"{prefix}max-file")
    file_bytes = usual.file_bytes if size is None else _size(f"{prefix}max-size", size, usual.file_bytes, most_bytes)
    files = usual.files if count is None else _count(f"{prefix}max-file", count)
    return Rotation(file_bytes, files, _truth(f"{prefix}compress", options, usual.compresses))


def _size(name: str, text: str, usual: int | None, most: int) -> int | None:
    """Docker's sizes: 10m is ten million; -1 is no limit where that is the driver's default."""
    if text == "-1" and usual is None:
        return None
    match = _SIZE.fullmatch(text)
    value = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    if not _LEAST_BYTES <= value <= most:
        raise InvalidSpec(_at(name), f"{text[:40]!r} is not a size from {_LEAST_BYTES} to {most} bytes, such as 10m")
    return value


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_FILES):
        raise InvalidSpec(_at(name), f"{text[:40]!r} is not a number from 1 to {_MOST_FILES}")
    return int(text)


def _truth(name: str, options: Mapping[str, str], usual: bool) -> bool:
    text = options.get(name)
    if text is None:
        return usual
    if text.lower() not in _TRUTHS:
        raise InvalidSpec(_at(name), f"{text[:40]!r} is neither true nor false")
    return _TRUTHS[text.lower()]


def selected(config: LogConfig, kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Those of `values` that the options `labels` (or `env`) and `labels-regex` (`env-regex`) ask for."""
    wanted = {name.strip() for name in config.options.get(kind, "").split(",")}
    matches = _pattern(f"{kind}-regex", config.options.get(f"{kind}-regex", ""))
    return {name: value for name, value in values.items() if name in wanted or matches(name)}


def _pattern(name: str, text: str) -> Callable[[str], bool]:
    if not text:
        return lambda _: False
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InvalidSpec(_at(name), f"{text[:80]!r} is not a regular expression: {error}") from None
    return lambda value: pattern.search(value) is not None


def _at(option: str) -> str:
    return f"log.options.{option}"
