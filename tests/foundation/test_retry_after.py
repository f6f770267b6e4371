"""P1 and P2: every form of the hint to wait is understood, and no bad one."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from panel.foundation.retry_after import retry_after, retry_at

SECOND = timedelta(seconds=1)
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SERVER = NOW + timedelta(hours=7)
"""A server whose clock is seven hours ahead."""


def http_date(moment):
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "30")], 30),
        ([("retry-after", " 1.5 ")], 1.5),
        ([("Retry-After-Ms", "250")], 0.25),
        ([("Retry-After", http_date(NOW + timedelta(seconds=40)))], 40),
        ([("Date", http_date(SERVER)), ("Retry-After", http_date(SERVER + 9 * SECOND))], 9),
        ([("RateLimit", '"api";r=0;t=55')], 55),
        ([("RateLimit", '"a";r=0;t=5'), ("RateLimit", '"b";r=0;t=8')], 8),
        ([("RateLimit-Reset", "12")], 12),
        ([("x-ratelimit-reset-requests", "1m30s")], 90),
        ([("x-ratelimit-reset-tokens", "250ms")], 0.25),
        ([("x-ratelimit-reset-requests", "1h2m3.5s")], 3723.5),
        ([("x-ratelimit-reset", str(int(NOW.timestamp()) + 20))], 20),
        ([("x-ratelimit-reset", str(int(NOW.timestamp() + 20) * 1000))], 20),
        ([("x-ratelimit-reset-requests", "2m0s"), ("x-ratelimit-reset-tokens", "7s"),
          ("x-ratelimit-remaining-requests", "14000"), ("x-ratelimit-remaining-tokens", "0")], 7),
        ([("x-ratelimit-reset-requests", "20s"), ("x-ratelimit-reset-tokens", "7s")], 20),
        ([("Retry-After", "3"), ("x-ratelimit-reset-requests", "60s")], 3),
        ([("Retry-After", "abc"), ("RateLimit", '"x";r=0;t=4')], 4),
        ([("Retry-After", "30"), ("retry-after", "30")], 30),
        ([("Retry-After", "3600")], 3600),
    ],
)  # fmt: skip
def test_p1_every_form_of_the_hint_is_understood(headers, seconds):
    assert retry_after(headers, now=NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Retry-After", "abc")],
        [("Retry-After", "")],
        [("Retry-After", "-5")],
        [("Retry-After", "0")],
        [("Retry-After", "0.0")],
        [("Retry-After", "1e9")],
        [("Retry-After", "1000000000")],
        [("Retry-After", "9" * 400)],
        [("Retry-After", "NaN")],
        [("Retry-After", "Infinity")],
        [("Retry-After", http_date(NOW - timedelta(seconds=1)))],
        [("Retry-After", "Sun, 99 Nov 2026 10:00:00 GMT")],
        [("Retry-After", "Sun, 22 Nov 99999999 10:00:00 GMT")],
        [("Retry-After", "GMT")],
        [("Retry-After", "5"), ("Retry-After", "50")],
        [("RateLimit", "t=soon")],
        [("x-ratelimit-reset-requests", "soon")],
        [("x-ratelimit-reset-requests", "0s")],
        [("x-ratelimit-reset", str(int(NOW.timestamp()) - 20))],
        [("x-ratelimit-reset-requests", "9" * 400 + "s")],
    ],
)
def test_p2_a_bad_hint_is_none(headers):
    assert retry_after(headers, now=NOW) is None


def test_r10_a_date_is_measured_against_the_servers_own_clock():
    headers = [
        ("Date", http_date(SERVER)),
        ("Retry-After", http_date(SERVER - timedelta(seconds=1))),
    ]
    assert retry_after(headers, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "90")], 90),
        ([("Retry-After", "129600")], 129_600),
        ([("Retry-After", "604800")], None),
        ([("Retry-After", http_date(NOW - SECOND))], None),
        ([("Date", http_date(SERVER)), ("Retry-After", http_date(NOW + 60 * SECOND))], 60),
        ([("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(NOW.timestamp()) + 9))], 9),
        ([("X-RateLimit-Remaining", "7"), ("X-RateLimit-Reset", str(int(NOW.timestamp()) + 9))],
         None),
        ([("X-RateLimit-Reset", str(int(NOW.timestamp()) + 9))], None),
        ([], None),
    ],
)  # fmt: skip
def test_the_time_at_which_a_page_may_be_had_again(headers, seconds):
    moment = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert retry_at(headers, now=NOW) == moment
