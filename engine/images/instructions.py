"""Applies Dockerfile instructions that only concern an image's configuration to one: CMD, ENV, EXPOSE, LABEL …

Forms and meanings are those of the Dockerfile reference; the configuration is that of the OCI image specification
(config.md) with Docker's additions (`Healthcheck`, `OnBuild`, `Shell`).
"""

import json
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import InvalidSpec
from engine.sys import names

Config = dict[str, Any]

_SHELL = ("/bin/sh", "-c")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_NS = (3600 * 10**9, 60 * 10**9, 10**9, 10**6)
_NOT_ON_BUILD = ("ONBUILD", "FROM", "MAINTAINER")


def apply(changes: Sequence[str], config: Mapping[str, Any]) -> Config:
    """A copy of `config` with the instructions carried out. Raises InvalidSpec naming the one that is wrong."""
    changed = dict(config)
    words = []
    for index, change in enumerate(changes):
        word, _, rest = change.strip().partition(" ")
        words.append(word.upper())
        if words[-1] not in _INSTRUCTIONS:
            message = f"{word[:40]!r} is no instruction about a configuration"
            raise InvalidSpec(f"changes[{index}]", message, hint=f"Known: {', '.join(_INSTRUCTIONS)}.")
        try:
            _INSTRUCTIONS[words[-1]](changed, rest.strip())
        except ValueError as error:
            raise InvalidSpec(f"changes[{index}]", f"{words[-1]}: {error}") from None
    if "ENTRYPOINT" in words and "CMD" not in words:
        changed.pop("Cmd", None)  # it was made for another entrypoint
    return changed


def _cmd(config: Config, rest: str) -> None:
    config["Cmd"] = _command(config, rest)


def _entrypoint(config: Config, rest: str) -> None:
    config["Entrypoint"] = _command(config, rest)


def _command(config: Config, rest: str) -> list[str]:
    listed = _json_list(rest)
    return listed if listed is not None else [*(config.get("Shell") or _SHELL), _some(rest)]


def _env(config: Config, rest: str) -> None:
    env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    config["Env"] = [f"{name}={value}" for name, value in (env | _pairs(rest, env)).items()]


def _label(config: Config, rest: str) -> None:
    config["Labels"] = (config.get("Labels") or {}) | _pairs(rest, _variables(config))


def _expose(config: Config, rest: str) -> None:
    ports: dict[str, Any] = dict(config.get("ExposedPorts") or {})
    for word in _words(_some(rest), _variables(config)):
        match = _PORT.fullmatch(word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if match is None or not 1 <= first <= last <= 65535:
            raise ValueError(f"{word[:40]!r} is not a port such as 80, 80/udp or 8000-8010")
        ports |= {f"{port}/{match[3] or 'tcp'}": {} for port in range(first, last + 1)}
    config["ExposedPorts"] = ports


def _volume(config: Config, rest: str) -> None:
    listed = _json_list(rest)
    paths = listed if listed is not None else _words(_some(rest), _variables(config))
    if not all(paths):
        raise ValueError("a volume needs a path")
    config["Volumes"] = (config.get("Volumes") or {}) | {path: {} for path in paths}


def _user(config: Config, rest: str) -> None:
    config["User"] = _one(config, rest)


def _workdir(config: Config, rest: str) -> None:
    config["WorkingDir"] = posixpath.normpath(posixpath.join("/", config.get("WorkingDir") or "/", _one(config, rest)))


def _stop_signal(config: Config, rest: str) -> None:
    signal = _one(config, rest)
    if names.signal(signal) is None:
        raise ValueError(f"{signal[:40]!r} is not a signal")
    config["StopSignal"] = signal


def _on_build(config: Config, rest: str) -> None:
    word = _some(rest).partition(" ")[0].upper()
    if word in _NOT_ON_BUILD:
        raise ValueError(f"{word} cannot be done when another image is built from this one")
    config["OnBuild"] = [*(config.get("OnBuild") or ()), rest]


def _health_check(config: Config, rest: str) -> None:
    check: dict[str, Any] = {}
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        name, _, value = option[2:].partition("=")
        if name == "retries" and value.isascii() and value.isdigit():
            check["Retries"] = int(value)
        elif name in _HEALTH_TIMES:
            check[_HEALTH_TIMES[name]] = _nanoseconds(value)
        else:
            raise ValueError(f"{option[:40]!r} is not one of its options")
        rest = rest.lstrip()
    kind, _, command = rest.partition(" ")
    if kind.upper() == "NONE" and not command.strip() and not check:
        check["Test"] = ["NONE"]
    elif kind.upper() == "CMD":
        listed = _json_list(command.strip())
        check["Test"] = ["CMD", *listed] if listed is not None else ["CMD-SHELL", _some(command.strip())]
    else:
        raise ValueError("NONE, or CMD and a command, is wanted")
    config["Healthcheck"] = check


_HEALTH_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}

_INSTRUCTIONS: dict[str, Callable[[Config, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}


def _some(text: str) -> str:
    if not text:
        raise ValueError("something must follow")
    return text


def _one(config: Config, rest: str) -> str:
    words = _words(_some(rest), _variables(config))
    if len(words) != 1 or not words[0]:
        raise ValueError("exactly one value is wanted")
    return words[0]


def _json_list(text: str) -> list[str] | None:
    """The list of texts that the JSON form has; None for anything else, which is the other form."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _variables(config: Config) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in config.get("Env") or ())


def _pairs(rest: str, variables: Mapping[str, str]) -> dict[str, str]:
    """`name=value …`, or the old form with one name, a space, and all that follows as its value."""
    first, _, old_value = _some(rest).partition(" ")
    if "=" not in first and first[0] not in "\"'":
        return {_some(first): "".join(_words(old_value.strip(), variables, splits=False))}
    pairs = [word.partition("=") for word in _words(rest, variables)]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise ValueError(f"{name[:40]!r} is not name=value")
    return {name: value for name, _, value in pairs}


def _words(text: str, variables: Mapping[str, str], *, splits: bool = True) -> list[str]:
    """Words with quotes and backslashes undone and `$NAME` replaced, but not in single quotes."""
    words: list[str] = []
    word: str | None = None
    quote, position = "", 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote, word = character, word or ""
        elif character == "\\" and quote != "'" and position < len(text):
            word = (word or "") + text[position]
            position += 1
        elif character == "$" and quote != "'" and (match := _VARIABLE.match(text, position - 1)):
            word = (word or "") + variables.get(match[1] or match[2], "")
            position = match.end()
        elif character.isspace() and not quote and splits:
            words, word = [*words, word] if word is not None else words, None
        else:
            word = (word or "") + character
    if quote:
        raise ValueError(f"a {quote} is not closed")
    return [*words, word] if word is not None else words


def _nanoseconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text[:40]!r} is not a time such as 1m30s")
    return round(sum(float(number) * unit for number, unit in zip(match.groups(), _NS, strict=True) if number))
