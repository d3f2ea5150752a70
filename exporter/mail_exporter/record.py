"""The envelope of a log line: when, where and which daemon; what it says is left to `parse`.

Lines are Postfix's own (postlogd, `maillog_file`): `Mmm dd hh:mm:ss host tag[pid]: text`, in UTC as our image
sets it, without a year; a line may say its severity before the text. RFC 3164 writers pad the day with a space.
"""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple


class LogRecord(NamedTuple):
    """One line, its envelope taken off."""

    time: float
    """Unix seconds; the log's resolution is one second."""
    host: str
    service: str
    """What stands between the instance name and the daemon, as `public` in `postfix/public/smtpd`; mostly empty."""
    daemon: str
    severity: str
    """`warning`, `error`, `fatal`, `panic`, or empty for an ordinary line."""
    text: str


class Foreign(NamedTuple):
    """A well-formed line of a program that is not Postfix."""

    program: str


_ENVELOPE: Final = re.compile(
    r"(?P<stamp>[A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<tag>[^\s\[]+)\[\d+\]: "
    r"(?:(?P<severity>warning|error|fatal|panic): )?(?P<text>.*)",
    re.DOTALL,
)
_INSTANCE: Final = "postfix"
_NEW_YEAR_SLACK: Final = timedelta(days=1)


class RecordParser:
    """Takes envelopes off; remembers only the last stamp, since many lines share one."""

    def __init__(self) -> None:
        self._stamp = ""
        self._time = 0.0

    def parse(self, line: str, now: datetime) -> LogRecord | Foreign | None:
        """Return the record, a foreign program's name, or None when the line has no envelope.

        Args:
            line: without its line end, as in
                `Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: to=<a@x.org>, relay=...`.
            now: the time of reading, which gives the year.
        """
        found = _ENVELOPE.fullmatch(line)
        if found is None:
            return None
        stamp, host, tag, severity, text = found.groups()
        instance, _, rest = tag.partition("/")
        if not instance.startswith(_INSTANCE):
            return Foreign(tag)
        service, _, daemon = rest.rpartition("/")
        if stamp != self._stamp:
            try:
                self._time = stamp_time(stamp, now)
            except ValueError:
                return None
            self._stamp = stamp
        return LogRecord(self._time, host, service, daemon or instance, severity or "", text)


def stamp_time(stamp: str, now: datetime) -> float:
    """Return the Unix time of a stamp without a year: the latest such moment that is not in the future.

    Raises:
        ValueError: the stamp names no moment, as `Feb 30` does.
    """
    latest = now + _NEW_YEAR_SLACK
    # 2000 was a leap year, so that Feb 29 can be read before its year is known.
    read = datetime.strptime(f"2000 {stamp}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
    for year in range(latest.year, latest.year - 5, -1):
        try:
            candidate = read.replace(year=year)
        except ValueError:
            continue
        if candidate <= latest:
            return float(timegm(candidate.timetuple()))
    raise ValueError(f"no year fits {stamp}")
