"""The envelope of a log line: when, where and which daemon; what it says is left to `parse`.

Lines are Postfix's own (postlogd, `maillog_file`): `Mmm dd hh:mm:ss host tag[pid]: text`, without a year.
RFC 3164 writers pad the day with a space, others (rsyslog, journald) write ISO 8601 stamps. Envelopes repeat, line
after line, so that each distinct one is taken apart once and then looked up.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from fnmatch import translate
from typing import Final, final

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


@final
class Origin:
    """Who wrote a line.

    Args:
        host: as the log calls it.
        daemon: the last part of its name, as `smtpd` of `postfix/public/smtpd`.
        entry: where a mail that this daemon takes in comes in: told by what stands between instance and daemon.
        parse: what reads its lines; None for a program that is not Postfix.
    """

    def __init__(self, host: str, daemon: str, entry: Entry, parse: Parser | None) -> None:
        self.host: Final = host
        self.daemon: Final = daemon
        self.entry: Final = entry
        self.parse: Final = parse


class RecordReader:
    """Takes envelopes off, and remembers those that repeat.

    Args:
        zone: what stamps without a zone mean.
        syslog_names: Postfix's names, `*` for any characters; a tag begins with one of them.
    """

    def __init__(self, zone: tzinfo = UTC, syslog_names: Iterable[str] = SYSLOG_NAMES) -> None:
        self.now = datetime.now(UTC)
        """The time of reading, which gives stamps their year; whoever reads on sets it anew."""
        self.time = 0.0
        """The Unix time of the last line that had one, to the log's resolution; 0 before the first."""
        self._zone = zone
        self._is_postfix = re.compile("|".join(map(translate, syslog_names))).match
        self._origins: dict[str, Origin] = {}
        self._stamp = "\n"
        self._minute = "\n"
        self._minute_begin = 0.0

    def read(self, line: str) -> tuple[Origin | None, str]:
        """Return who wrote a line and what it says, and remember its time; nobody for a line without an envelope.

        Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: to=<a@x.org>, relay=...
        2026-11-22T12:22:16.848676+00:00 mail postfix/submission/smtpd[980527]: connect from ...
        """
        end = line.find("]: ")
        if end < 0 or not (line.startswith(self._stamp) or self._read_stamp(line[:end])):
            return None, ""
        sender = line[len(self._stamp) : end]
        return self._origins.get(sender) or self._read_origin(sender), line[end + 3 :]

    def _read_stamp(self, head: str) -> bool:
        """Remember the stamp, with the space behind it; tell whether there is one."""
        is_short = head[3:4] == " "
        stamp = head[: _SHORT_STAMP if is_short else head.find(" ")]
        second = stamp[_MINUTE:]
        try:
            if is_short and stamp[:_MINUTE] == self._minute and _SECOND.fullmatch(second):
                self.time = self._minute_begin + min(int(second), 59)
            else:
                self.time = stamp_time(stamp, self.now, self._zone)
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
        ours = self._is_postfix(instance) or self._is_postfix(syslog_name)
        service = rest.rpartition("/")[0].rpartition("/")[2]
        entry = Entry.LOCAL if daemon == "pickup" else _ENTRIES.get(service, Entry.INTERNAL)
        origin = Origin(host, daemon, entry, parser_of(daemon) if ours else None)
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        self._origins[sender] = origin
        return origin
