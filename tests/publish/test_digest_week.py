"""ISO weeks in UTC: the ends of years, week 53, and no other clock."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.foundation.errors import InputError
from panel.publish.newsletter.week import Week, weeks_of

# From 1971 to 9990, in seconds since 1970.
MOMENTS = st.integers(31_536_000, 253_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@pytest.mark.parametrize(
    ("text", "start", "days"),
    [
        ("2026-W47", "2026-11-16", "16–22 November 2026"),
        ("2026-W53", "2026-12-28", "28 December 2026 – 3 January 2027"),
        ("2025-W01", "2024-12-30", "30 December 2024 – 5 January 2025"),
        ("2020-W53", "2020-12-28", "28 December 2020 – 3 January 2021"),
        ("2024-W09", "2024-02-26", "26 February – 3 March 2024"),
        ("2026-w13", "2026-03-23", "23–29 March 2026"),
    ],
)
def test_r10_a_week_has_the_days_that_iso_8601_says(text, start, days):
    week = Week.parse(text)
    assert week.start == datetime.fromisoformat(f"{start}T00:00:00+00:00")
    assert week.end - week.start == timedelta(days=7)
    assert week.days == days


@pytest.mark.parametrize(
    "text",
    ["2025-W53", "2026-W54", "2026-W00", "2026-47", "2026-W7", "W47", "", "2026-W47-1", "0001-W01",
     "9999-W01", "٢٠٢٦-W٤٧", "2026-W47\n2026-W48"],
)  # fmt: skip
def test_what_is_no_week_is_turned_down_in_one_line(text):
    with pytest.raises(InputError) as caught:
        Week.parse(text)
    assert "\n" not in caught.value.message


@given(MOMENTS)
def test_r10_every_moment_is_in_its_week_and_in_no_other(moment):
    week = Week.of(moment)
    assert moment in week
    assert moment not in week.before
    assert week.before.end == week.start
    assert Week.parse(str(week)) == week
    assert (week.year, week.number) == moment.isocalendar()[:2]


@given(MOMENTS)
def test_weeks_sort_as_time_does(moment):
    week = Week.of(moment)
    assert week.before < week
    assert Week.of(moment + timedelta(days=7)) > week


@given(MOMENTS)
def test_the_last_whole_week_is_over_and_the_next_is_not(now):
    last = Week.last_complete(now)
    assert last.end <= now < last.end + timedelta(days=7)


def test_r10_a_moment_counts_in_utc_wherever_it_was_written():
    monday_in_tokyo = datetime(2026, 11, 23, 3, tzinfo=timezone(timedelta(hours=9)))
    assert Week.of(monday_in_tokyo) == Week(2026, 47)
    assert monday_in_tokyo in Week(2026, 47)


@pytest.mark.skipif(
    not hasattr(time, "tzset"), reason="weeks in other time zones (a system with tzset)"
)
def test_r10_the_clock_of_the_machine_changes_nothing(monkeypatch):
    moment = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)  # clocks go back in Berlin on this day
    weeks = set()
    for zone in ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        weeks.add((Week.of(moment), Week.of(moment).start, Week.of(moment).days))
    monkeypatch.undo()
    time.tzset()
    assert len(weeks) == 1


def test_a_year_has_53_weeks_where_it_ends_on_a_thursday_or_is_leap_and_ends_on_a_friday():
    long = [year for year in range(2000, 2051) if weeks_of(year) == 53]
    assert long == [2004, 2009, 2015, 2020, 2026, 2032, 2037, 2043, 2048]
