"""Log line envelope: time, host and daemon in front of the text, which `parse` reads.

Lines come from Postfix's postlogd (`maillog_file`): `Mmm dd hh:mm:ss host tag[pid]: text`, without a year.
RFC 3164 writers pad the day with a space; others (rsyslog, journald) write ISO 8601 timestamps. Many lines have the
same envelope, so each distinct envelope is parsed once and then looked up.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import translate
from typing import Final, final

from mail_exporter.parse import Parser, parser_of
from mail_telemetry.names import Entry

SYSLOG_NAMES: Final = ("postfix", "postfix-*")
"""Postfix's names in the log by default; further instances have the second form (MULTI_INSTANCE_README)."""

_SHORT_STAMP: Final = len("Nov 22 12:22:16")
_MINUTE: Final = len("Nov 22 12:22:")
_SECOND: Final = re.compile(r"\d\d")
_ORIGIN: Final = re.compile(r"(?P<host>\S+) (?P<tag>[^\s\[]+)\[\d+")
_MAX_ORIGINS: Final = 4096
"""How many (host, tag, process) are kept; above it the table is cleared."""
_ENTRIES: Final = {"public": Entry.PUBLIC} | dict.fromkeys(("submission", "submissions", "smtps"), Entry.SUBMISSION)

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STAMP: Final = re.compile(r"([A-Z][a-z]{2}) ([ 0-3]\d) (\d\d):(\d\d):(\d\d)")
_FUTURE_SLACK: Final = timedelta(days=7)
"""How far a timestamp may be ahead of the clock, so that setting the clock back moves no line into last year."""


@final
@dataclass(frozen=True)
class Origin:
    """Host and daemon that wrote a line."""

    host: str
    """The host name in the log."""
    daemon: str
    """The last part of the tag, such as `smtpd` in `postfix/public/smtpd`."""
    entry: Entry
    """The entry of mails that this daemon accepts, from the part between instance and daemon."""
    parse: Parser | None
    """The parser of its lines; None for a program that is not part of Postfix."""


class LineReader:
    """Reads the envelopes of log lines.

    Args:
        zone: the time zone of timestamps without a zone.
        syslog_names: Postfix's names, with `*` for any characters; a tag begins with one of them.
    """

    def __init__(self, zone: tzinfo = UTC, syslog_names: Iterable[str] = SYSLOG_NAMES) -> None:
        self.now = datetime.now(UTC)
        """The time of reading, from which timestamps get their year; the caller updates it."""
        self.time = 0.0
        """The Unix time of the last line with a timestamp, with the log's precision; 0 before the first."""
        self._zone = zone
        self._is_postfix = re.compile("|".join(map(translate, syslog_names))).match
        self._origins: dict[str, Origin] = {}
        self._stamp = "\n"
        self._minute = "\n"
        self._minute_begin = 0.0

    def read(self, line: str) -> tuple[Origin | None, str]:
        """Return origin and text of a line, and keep its time; the origin is None for a line without an envelope.

        Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: to=<a@x.org>, relay=...
        2026-11-22T12:22:16.848676+00:00 mail postfix/submission/smtpd[980527]: connect from ...
        """
        end = line.find("]: ")
        if end < 0 or not (line.startswith(self._stamp) or self._read_stamp(line[:end])):
            return None, ""
        sender = line[len(self._stamp) : end]
        return self._origins.get(sender) or self._read_origin(sender), line[end + 3 :]

    def _read_stamp(self, head: str) -> bool:
        """Keep the timestamp and the space after it; return whether there is one."""
        is_short = head[3:4] == " "
        stamp = head[: _SHORT_STAMP if is_short else head.find(" ")]
        second = stamp[_MINUTE:]
        try:
            if is_short and stamp[:_MINUTE] == self._minute and _SECOND.fullmatch(second):
                self.time = self._minute_begin + min(int(second), 59)
            else:
                self.time = parse_timestamp(stamp, self.now, self._zone)
                if is_short:
                    self._minute, self._minute_begin = stamp[:_MINUTE], self.time - min(int(second), 59)
        except ValueError:
            return False
        self._stamp = stamp + " "
        return True

    def _read_origin(self, sender: str) -> Origin | None:
        found = _ORIGIN.fullmatch(sender)
        if found is None:
            return None
        host, tag = found.groups()
        instance, _, rest = tag.partition("/")
        syslog_name, _, daemon = tag.rpartition("/")
        is_postfix = self._is_postfix(instance) or self._is_postfix(syslog_name)
        service = rest.rpartition("/")[0].rpartition("/")[2]
        entry = Entry.LOCAL if daemon == "pickup" else _ENTRIES.get(service, Entry.INTERNAL)
        origin = Origin(host, daemon, entry, parser_of(daemon) if is_postfix else None)
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        self._origins[sender] = origin
        return origin


def parse_timestamp(stamp: str, now: datetime, zone: tzinfo = UTC) -> float:
    """Return the Unix time of a timestamp; one without a year is the latest such time that is not in the future.

    Nov 02 12:22:16, Nov  2 12:22:16, 2026-11-22T12:22:16.848676+00:00

    Raises:
        ValueError: there is no such time, as for `Feb 30`.
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
            # Unix time has no leap seconds.
            moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
        except ValueError:  # Feb 29, possibly of another year
            continue
        if moment <= latest:
            return moment.timestamp()
    raise ValueError(f"no year fits {stamp}")
