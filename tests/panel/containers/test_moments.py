"""Points in time as people write them."""

import pytest

from panel.containers.moments import nanoseconds
from panel.errors import Invalid

AT = 1_795_530_600  # 2026-11-24T14:30:00Z
NS = 10**9


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-24T14:30:00Z", AT * NS),
        ("2026-11-24T14:30:00.123456789Z", AT * NS + 123456789),
        ("2026-11-24T15:30:00+01:00", AT * NS),
        ("2026-11-24T14:30", AT * NS),
        ("2026-11-24", (AT - 14 * 3600 - 1800) * NS),
        (str(AT), AT * NS),
        (f"{AT}.25", AT * NS + NS // 4),
        (f"{AT}.000000001", AT * NS + 1),
        (str(AT * NS), AT * NS),
        ("0", 0),
        ("90s", (AT - 90) * NS),
        ("1h30m", (AT - 5400) * NS),
        ("1.5s", AT * NS - 3 * NS // 2),
        ("250ms", AT * NS - NS // 4),
        ("9999-12-31", (1 << 63) - 1),
        ("99999h", (AT - 99999 * 3600) * NS),
    ],
)
def test_a_point_in_time_is_read_in_every_form_of_dockers(text: str, wanted: int) -> None:
    assert nanoseconds("since", text, now_ns=AT * NS) == wanted


@pytest.mark.parametrize("text", ["-1", "x", "1x", "5m3", "2026-13-01", "1e9", "\uff11", "9" * 30, "1h 30m"])
def test_what_is_no_point_in_time_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Invalid) as told:
        nanoseconds("since", text)
    assert told.value.field == "since"
