"""Which of many backups stay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import InvalidSpec
from engine.spec.backups import Backup, Retention

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def made(hours_ago: int, *, is_scheduled: bool = True) -> Backup:
    at = NOW - timedelta(hours=hours_ago)
    return Backup(f"{at:%Y%m%dT%H%M%SZ}-aaaaaa", "stock", "", 1, 1, is_scheduled=is_scheduled)


def kept(rules: Retention, backups: list[Backup]) -> list[int]:
    gone = {one.id for one in rules.expired(backups)}
    return [number for number, one in enumerate(backups) if one.id not in gone]


def test_without_rules_all_stay() -> None:
    assert Retention().expired([made(hours) for hours in range(50)]) == []


def test_the_last_ones_stay_whatever_their_order() -> None:
    backups = [made(hours) for hours in (5, 1, 3)]
    assert kept(Retention(last=2), backups) == [1, 2]


def test_what_somebody_asked_for_stays_and_does_not_count() -> None:
    backups = [made(0, is_scheduled=False), made(1), made(2), made(3, is_scheduled=False)]
    assert kept(Retention(last=1), backups) == [0, 1, 3]


def test_the_last_of_each_day_week_and_month_stays() -> None:
    daily = [made(24 * days + hour) for days in range(120) for hour in (0, 6)]
    assert kept(Retention(daily=3), daily) == [0, 2, 4]
    assert kept(Retention(weekly=2), daily) == [0, 14]
    months = [daily[number].id[:8] for number in kept(Retention(monthly=3), daily)]
    assert months == ["20260315", "20260228", "20260131"]
    assert len(kept(Retention(last=4, daily=7, weekly=4, monthly=2), daily)) == 13


def test_days_without_any_do_not_count() -> None:
    assert kept(Retention(daily=2), [made(0), made(24 * 30), made(24 * 60)]) == [0, 1]


def test_numbers_below_zero_are_refused() -> None:
    with pytest.raises(InvalidSpec, match="daily"):
        replace(Retention(), daily=-1).validate()
