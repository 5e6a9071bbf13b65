"""What may be asked of a container's log, and what is refused by name."""

from typing import Any

import pytest

from engine.errors import InvalidSpec
from engine.spec import log_tags, syslog
from engine.spec.container import ContainerSpec
from engine.spec.logs import LogConfig, LogDriver, Rotation, selected


def config(driver: str, **options: str) -> LogConfig:
    return LogConfig(LogDriver(driver), {name.replace("_", "-"): value for name, value in options.items()})


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (LogConfig(), Rotation(16 << 20, 8, True)),
        (config("local", max_size="10m", max_file="3", compress="false"), Rotation(10_000_000, 3, False)),
        (config("json-file"), Rotation(None, 1, False)),
        (config("json-file", max_size="5.5k"), Rotation(5500, 1, False)),
        (config("json-file", max_size="64kb", max_file="2", compress="true"), Rotation(64_000, 2, True)),
        (config("json-file", max_size="-1"), Rotation(None, 1, False)),
        (config("none"), None),
        (config("syslog"), Rotation(20_000_000, 5, True)),
        (config("syslog", cache_disabled="true"), None),
        (config("journald", cache_max_size="1m", cache_max_file="1"), Rotation(1_000_000, 1, True)),
    ],
)
def test_rotation_is_what_the_options_say(asked: LogConfig, expected: Rotation | None) -> None:
    asked.validate()
    assert asked.rotation() == expected


@pytest.mark.parametrize(
    ("log", "field"),
    [
        ({"driver": "splunk"}, "log.driver"),
        ({"mode": "sometimes"}, "log.mode"),
        ({"driver": "none", "options": {"max-size": "1m"}}, "log.options.max-size"),
        ({"driver": "local", "options": {"labels": "a"}}, "log.options.labels"),
        ({"options": {"max-size": "much"}}, "log.options.max-size"),
        ({"options": {"max-size": "1.5k"}}, "log.options.max-size"),
        ({"options": {"max-size": "5g"}}, "log.options.max-size"),
        ({"options": {"max-file": "0"}}, "log.options.max-file"),
        ({"options": {"compress": "maybe"}}, "log.options.compress"),
        ({"max_buffer_bytes": 1}, "log.max_buffer_bytes"),
        ({"driver": "json-file", "options": {"max-file": "2"}}, "log.options.max-file"),
        ({"driver": "json-file", "options": {"max-size": "1m", "compress": "true"}}, "log.options.compress"),
        ({"driver": "json-file", "options": {"labels-regex": "("}}, "log.options.labels-regex"),
        ({"driver": "json-file", "options": {"tag": "{{.Nope}}"}}, "log.options.tag"),
        ({"driver": "json-file", "options": {"tag": "{{if .ID}}"}}, "log.options.tag"),
        ({"driver": "syslog", "options": {"syslog-address": "http://x"}}, "log.options.syslog-address"),
        ({"driver": "syslog", "options": {"syslog-address": "tcp://"}}, "log.options.syslog-address"),
        ({"driver": "syslog", "options": {"syslog-address": "tcp://h:99999"}}, "log.options.syslog-address"),
        ({"driver": "syslog", "options": {"syslog-facility": "nope"}}, "log.options.syslog-facility"),
        ({"driver": "syslog", "options": {"syslog-format": "json"}}, "log.options.syslog-format"),
        ({"driver": "syslog", "options": {"syslog-tls-ca-cert": "/x"}}, "log.options.syslog-tls-ca-cert"),
        (
            {"driver": "syslog", "options": {"syslog-address": "tcp+tls://h", "syslog-tls-key": "/x"}},
            "log.options.syslog-tls-cert",
        ),
    ],
)
def test_what_no_driver_can_do_is_refused_by_name(log: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        ContainerSpec.from_json({"name": "a", "image": "b", "log": log})
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("unix", "/dev/log", "", 0)),
        ("unix:///run/log", ("unix", "/run/log", "", 0)),
        ("unixgram:///run/log", ("unixgram", "/run/log", "", 0)),
        ("udp://10.0.0.1", ("udp", "", "10.0.0.1", 514)),
        ("tcp://logs.example:601", ("tcp", "", "logs.example", 601)),
        ("tcp+tls://[::1]:6514", ("tcp+tls", "", "::1", 6514)),
    ],
)
def test_addresses_of_syslog_servers(text: str, expected: tuple[str, str, str, int]) -> None:
    found = syslog.address({"syslog-address": text})
    assert (found.scheme, found.path, found.host, found.port) == expected


def test_facilities_are_numbers_or_names() -> None:
    assert [syslog.facility({"syslog-facility": name}) for name in ("kern", "local0", "7")] == [0, 16, 7]
    assert syslog.facility({}) == 3


def test_a_tag_names_what_the_container_is() -> None:
    values = dict.fromkeys(log_tags.NAMES, "x") | {"Name": "web", "ID": "c0ffee"}
    assert log_tags.render("a/{{.Name}}/{{ .ID }}", values) == "a/web/c0ffee"
    assert log_tags.render("", values) == "c0ffee"


def test_labels_and_variables_are_chosen_by_name_or_pattern() -> None:
    asked = config("json-file", labels="a, b", labels_regex="^com\\.")
    assert selected(asked, "labels", {"a": "1", "com.x": "2", "c": "3"}) == {"a": "1", "com.x": "2"}
