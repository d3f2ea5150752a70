"""Log line envelope: time, host and daemon in front of the text, which `parse` reads.

Lines come from Postfix's postlogd (`maillog_file`): `Mmm dd hh:mm:ss host tag[pid]: text`, without a year.
RFC 3164 writers pad the day with a space; others (rsyslog, journald) write ISO 8601 timestamps. Many lines have the
same envelope, so each distinct envelope is parsed once and then looked up. Lines with a prefix or with another
timestamp are first changed to one of these forms.
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
_ORIGIN: Final = re.compile(r"(?P<host>\S+) (?:[a-z0-9]+\.[a-z]+ )?(?P<tag>[^\s\[]+)\[\d+")
"""The syslog daemon of busybox writes `mail.info` before the tag."""
_FOREIGN: Final = re.compile(
    r"\S+ (?:[^:\[]*[^:\[\s](?:\[\w*\])?:(?: |$)|last message repeated |-- MARK --)|last message repeated "
)
"""Host and tag of a program that logs no process id, such as the kernel."""
_MAX_ORIGINS: Final = 4096
"""How many (host, tag, process) are kept; above it the table is cleared."""
_ENTRIES: Final = {"public": Entry.PUBLIC} | dict.fromkeys(("submission", "submissions", "smtps"), Entry.SUBMISSION)

_PREFIX: Final = re.compile(
    r"(?:(?:\x1b\[[\d;]*m)*[\w.-]+ *\|(?: |\x1b\[[\d;]*m)*)?"  # docker compose logs
    r"(?:\d{4}-\d\d-\d\dT\S+ (?=<\d|[A-Z][a-z]{2} |\d{4}[ -]))?"  # --timestamps
    r"(?:<\d{1,3}>)?"  # RFC 3164 section 4.1.1
    r"(?:[A-Z][a-z]{2} (?=[A-Z][a-z]{2} |\d{4}-))?"  # day of the week
)
_DATED: Final = re.compile(
    r"(?:(\d{4}) )?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d)(?:\.\d+)?(?: (\d{4}))?:? (?=\S+ \S)"
)
_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:[.,](\d+))?(?: (UTC)| ?([+-]\d\d:?\d\d))? ")

_RFC5424: Final = re.compile(
    r"1 (\d{4}-\d\d-\d\dT\S+) (\S+) (\S+) (\S+) \S+ "
    r"(?:-|(?:\[(?:[^\]\"\\]|\"(?:[^\"\\]|\\.)*+\")*+\])+)(?: \ufeff?|$)"
)
"""Version, time, host, tag, process id, message id and structured data (RFC 5424 section 6)."""
_ESCAPED: Final = ("#015", "#012")
"""Carriage return and line feed as rsyslog writes them (parser.escapeControlCharactersOnReceive)."""

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


FOREIGN: Final = Origin("", "", Entry.INTERNAL, None)
"""The origin of lines of programs that log no process id."""


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

        The text has no blanks, carriage return or line feed at its end, also not as rsyslog escapes them (`#015`).

        Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: to=<a@x.org>, relay=...
        2026-11-22T12:22:16.848676+00:00 mail postfix/submission/smtpd[980527]: connect from ...
        Nov 22 12:22:16 mail kernel: [ 1.2] eth0: link up

        With a year, as in RFC 5424, with the priority of RFC 3164, or the prefix of Docker Compose or busybox:

        Nov 22 2026 12:22:16 mail postfix/smtp[202]: ...
        Nov 22 12:22:16 2026 mail postfix/smtp[202]: ...
        2026-11-22 12:22:16 mail postfix/smtp[202]: ...
        <22>1 2026-11-22T12:22:16.848Z mail postfix/smtp 202 - - ...
        <22>Nov 22 12:22:16 mail postfix/smtp[202]: ...
        mail-server  | Nov 22 12:22:16 mail postfix/smtp[202]: ...
        Nov 22 12:22:16 mail mail.info postfix/smtp[202]: ...
        """
        end = line.find("]: ")
        if end >= 0 and (line.startswith(self._stamp) or self._read_stamp(line[:end])):
            sender = line[len(self._stamp) : end]
            origin = self._origins.get(sender) or self._read_origin(sender)
            if origin is not None:
                return origin, _text(line[end + 3 :])
        elif end < 0 and line.startswith(self._stamp) and _FOREIGN.match(line, len(self._stamp)) is not None:
            return FOREIGN, ""
        return self._read_unusual(line)

    def _read_unusual(self, line: str) -> tuple[Origin | None, str]:
        """Read a line with a prefix or with another timestamp, or without a process id."""
        plain = _without_prefix(line)
        if not plain.startswith(self._stamp) and not self._read_stamp(plain):
            return None, ""
        end = plain.find("]: ")
        sender = plain[len(self._stamp) : end] if end >= 0 else ""
        origin = self._origins.get(sender) or self._read_origin(sender)
        if origin is not None:
            return origin, _text(plain[end + 3 :])
        return (FOREIGN, "") if _FOREIGN.match(plain, len(self._stamp)) is not None else (None, "")

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


def _text(text: str) -> str:
    text = text.rstrip()
    while text.endswith(_ESCAPED):
        text = text[: -len(_ESCAPED[0])].rstrip()
    return text


def _without_prefix(line: str) -> str:
    """Return the line without a prefix, and with a timestamp that `parse_timestamp` reads."""
    prefix = _PREFIX.match(line)
    plain = line[prefix.end() :] if prefix is not None else line
    if (found := _RFC5424.match(plain)) is not None:
        stamp, host, tag, process = found.groups()
        return f"{stamp} {host} {tag}{'' if process == '-' else f'[{process}]'}: {plain[found.end() :]}"
    if (iso := _ISO.match(plain)) is not None:
        date, time, fraction, utc, zone = iso.groups()
        return f"{date}T{time}{'.' + fraction if fraction else ''}{'Z' if utc else zone or ''} {plain[iso.end() :]}"
    if (dated := _DATED.match(plain)) is None:
        return plain
    early, month, day, middle, time, late = dated.groups()
    year = early or middle or late
    if year is None or month not in _MONTHS:
        return f"{month} {day:>2} {time} {plain[dated.end() :]}"
    return f"{year}-{_MONTHS.index(month) + 1:02d}-{int(day):02d}T{time} {plain[dated.end() :]}"


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
