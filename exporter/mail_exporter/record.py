"""The envelope of a log line: when, where and which daemon; what it says is left to `parse`.

Lines are Postfix's own (postlogd, `maillog_file`): `Mmm dd hh:mm:ss host tag[pid]: text`, without a year.
RFC 3164 writers pad the day with a space, others (rsyslog, journald) write ISO 8601 stamps. Envelopes repeat, line
after line, so that each distinct one is taken apart once and then looked up.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from fnmatch import translate
from typing import Final, NamedTuple

from mail_exporter.parse import Parser, parser_of
from mail_exporter.stamp import stamp_time
from mail_telemetry.names import Entry

SYSLOG_NAMES: Final = ("postfix", "postfix-*")
"""What Postfix calls itself in the log by default, as its further instances do too (MULTI_INSTANCE_README)."""

_SHORT_STAMP: Final = len("Nov 22 12:22:16")
_MINUTE: Final = len("Nov 22 12:22:")
_SECOND: Final = re.compile(r"\d\d")
_ORIGIN: Final = re.compile(r"(?P<host>\S+) (?P<tag>[^\s\[]+)\[\d+")
_MAX_ORIGINS: Final = 4096
"""So many (host, tag, process) are remembered before all are forgotten."""
_ENTRIES: Final = {"public": Entry.PUBLIC} | dict.fromkeys(("submission", "submissions", "smtps"), Entry.SUBMISSION)


class Origin(NamedTuple):
    """Who wrote a line."""

    host: str
    tag: str
    """The program's whole name, as `postfix/public/smtpd`."""
    daemon: str
    """The last part of it."""
    entry: Entry
    """Where a mail that this daemon takes in comes in: told by what stands between instance and daemon."""
    parse: Parser | None
    """What reads its lines; None for a program that is not Postfix."""


LogRecord = tuple[float, Origin, str]
"""One line, its envelope taken off: Unix time (to the log's resolution), who wrote it, what it says."""


class RecordReader:
    """Takes envelopes off, and remembers those that repeat.

    Args:
        zone: what stamps without a zone mean.
        syslog_names: Postfix's names, `*` for any characters; a tag begins with one of them.
    """

    def __init__(self, zone: tzinfo = UTC, syslog_names: Iterable[str] = SYSLOG_NAMES) -> None:
        self.now = datetime.now(UTC)
        """The time of reading, which gives stamps their year; whoever reads on sets it anew."""
        self.malformed = 0
        """How many lines had no envelope."""
        self._zone = zone
        self._is_postfix = re.compile("|".join(map(translate, syslog_names))).match
        self._origins: dict[str, Origin] = {}
        self._stamp = "\n"
        self._time = 0.0
        self._minute = "\n"
        self._minute_begin = 0.0

    @property
    def last_time(self) -> float:
        """The Unix time of the last line; 0 before the first."""
        return self._time

    def read(self, lines: Iterable[str]) -> list[LogRecord]:
        """Return the records of those lines that have an envelope, and count the others as malformed.

        Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: to=<a@x.org>, relay=...
        2026-11-22T12:22:16.848676+00:00 mail postfix/submission/smtpd[980527]: connect from ...
        """
        origins = self._origins
        records = []  # compiled, a generator takes longer than the whole list
        for line in lines:
            head, _, text = line.partition("]: ")
            if head.startswith(self._stamp) or self._read_stamp(head):
                sender = head[len(self._stamp) :]
                origin = origins.get(sender) or self._read_origin(sender)
                if origin is not None:
                    records.append((self._time, origin, text))
                    continue
            self.malformed += 1
        return records

    def _read_stamp(self, head: str) -> bool:
        """Remember the stamp, with the space behind it; tell whether there is one."""
        is_short = head[3:4] == " "
        stamp = head[: _SHORT_STAMP if is_short else head.find(" ")]
        second = stamp[_MINUTE:]
        try:
            if is_short and stamp[:_MINUTE] == self._minute and _SECOND.fullmatch(second):
                self._time = self._minute_begin + min(int(second), 59)
            else:
                self._time = stamp_time(stamp, self.now, self._zone)
                if is_short:
                    self._minute, self._minute_begin = stamp[:_MINUTE], self._time - min(int(second), 59)
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
        ours = self._is_postfix(instance) or self._is_postfix(syslog_name)
        service = rest.rpartition("/")[0].rpartition("/")[2]
        entry = Entry.LOCAL if daemon == "pickup" else _ENTRIES.get(service, Entry.INTERNAL)
        origin = Origin(host, tag, daemon, entry, parser_of(daemon) if ours else None)
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        self._origins[sender] = origin
        return origin
