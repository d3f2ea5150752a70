"""The time at the head of a log line, in the forms that syslog writers use."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STAMP: Final = re.compile(r"([A-Z][a-z]{2}) ([ 0-3]\d) (\d\d):(\d\d):(\d\d)")
_FUTURE_SLACK: Final = timedelta(days=7)
"""How far ahead of our clock a stamp may be, so that setting a clock back makes no mail of last year."""


def stamp_time(stamp: str, now: datetime, zone: tzinfo = UTC) -> float:
    """Return the Unix time of a stamp: with a year as it says, without one the latest that is not in the future.

    Nov 02 12:22:16, Nov  2 12:22:16, 2026-11-22T12:22:16.848676+00:00

    Raises:
        ValueError: the stamp names no moment, as `Feb 30` does.
    """
    found = _STAMP.fullmatch(stamp)
    if found is None:
        moment = datetime.fromisoformat(stamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    month = _MONTHS.index(found[1]) + 1
    day, hour, minute, second = map(int, found.groups()[1:])
    latest = now + _FUTURE_SLACK
    for year in range(latest.year, latest.year - 5, -1):
        try:
            # A leap second has no place in Unix time.
            moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
        except ValueError:  # Feb 29, perhaps of another year
            continue
        if moment <= latest:
            return moment.timestamp()
    raise ValueError(f"no year fits {stamp}")
