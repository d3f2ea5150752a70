"""Envelope of a log line."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mail_exporter.log_line import LineReader, parse_timestamp
from mail_telemetry.names import Entry

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def at(*when: int) -> float:
    """Return the Unix time of a moment in UTC."""
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def reader(*names: str) -> LineReader:
    """Return a reader with a fixed time, and other names for Postfix if there are any."""
    made = LineReader(syslog_names=names) if names else LineReader()
    made.now = NOW
    return made


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: removed",
            (at(2026, 11, 22, 12, 22, 16), "mail", "smtp", Entry.INTERNAL, "4jXSsP52xGzDhqX: removed"),
            id="postlogd",
        ),
        pytest.param(
            "Nov  2 12:22:16 mail postfix/public/smtpd[202]: connect from a[1.2.3.4]",
            (at(2026, 11, 2, 12, 22, 16), "mail", "smtpd", Entry.PUBLIC, "connect from a[1.2.3.4]"),
            id="space-padded day and a listener's own name",
        ),
        pytest.param(
            "2026-11-22T12:22:16.5+01:00 mx postfix-out/submission/smtpd[202]: connect from a[1.2.3.4]",
            (at(2026, 11, 22, 11, 22, 16) + 0.5, "mx", "smtpd", Entry.SUBMISSION, "connect from a[1.2.3.4]"),
            id="ISO stamp and a second instance",
        ),
        pytest.param(
            "Nov 22 12:22:16 mail postfix/pickup[202]: x ]: y",
            (at(2026, 11, 22, 12, 22, 16), "mail", "pickup", Entry.LOCAL, "x ]: y"),
            id="text that imitates an envelope",
        ),
    ],
)
def test_envelope(line: str, expected: tuple[object, ...]) -> None:
    """Time, host, daemon, entry and text of a line are read."""
    made = reader()
    origin, text = made.read(line)
    assert origin is not None
    assert expected == (made.time, origin.host, origin.daemon, origin.entry, text)
    assert origin.parse is not None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("Feb 31 12:22:16 mail postfix/smtp[202]: x", id="invalid day"),
        pytest.param("Foo 01 12:22:16 mail postfix/smtp[202]: x", id="invalid month"),
        pytest.param("2026-13-22T12:22:16 mail postfix/smtp[202]: x", id="invalid ISO month"),
        pytest.param("Nov 22 12:22:16 mail postfix/smtp without a colon", id="no process and no colon"),
        pytest.param("Nov 22 12:22:16", id="timestamp only"),
        pytest.param("\ufffd\ufffd", id="garbage"),
    ],
)
def test_malformed(line: str) -> None:
    """A line without an envelope has no origin, and the next line is read."""
    made = reader()
    assert (None, "") == made.read(line)
    origin, text = made.read("Nov 22 12:22:16 mail postfix/smtp[202]: x")
    assert origin is not None
    assert text == "x"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("Nov 22 2025 12:22:16 mail ", id="year after the day"),
        pytest.param("Nov 22 12:22:16 2025 mail ", id="year after the time"),
        pytest.param("2025 Nov 22 12:22:16 mail ", id="year first"),
        pytest.param("Sat Nov 22 12:22:16 2025 mail ", id="day of the week"),
        pytest.param("2025-11-22 12:22:16 mail ", id="ISO with a blank"),
        pytest.param("2025-11-22 13:22:16,000 +0100 mail ", id="ISO with blanks, fraction and zone"),
        pytest.param("<22>Nov 22 2025 12:22:16 mail ", id="priority"),
        pytest.param("mail-1  | Nov 22 2025 12:22:16 mail ", id="Compose"),
        pytest.param("\x1b[36mmail-1  |\x1b[0m Nov 22 2025 12:22:16 mail ", id="Compose with colours"),
        pytest.param("mail-1  | 2026-01-02T03:04:05.123456789Z 2025 Nov 22 12:22:16 mail ", id="Compose --timestamps"),
        pytest.param("Nov 22 2025 12:22:16 mail mail.info ", id="busybox"),
    ],
)
def test_other_envelopes(head: str) -> None:
    """Lines with a year, a priority or the prefix of another program are read."""
    made = reader()
    for _ in range(2):  # the second time, the timestamp is cached
        origin, text = made.read(head + "postfix/smtp[202]: 4jXSsP52xGzDhqX: removed")
        assert origin is not None
        assert (at(2025, 11, 22, 12, 22, 16), "mail", "smtp") == (made.time, origin.host, origin.daemon)
        assert text == "4jXSsP52xGzDhqX: removed"
        assert origin.parse is not None


@pytest.mark.parametrize(
    ("line", "second"),
    [
        pytest.param("Nov 22 12:22:16 mail mail.info postfix/smtp[202]: x", 16, id="busybox"),
        pytest.param("<22>Nov 22 12:22:17 mail postfix/smtp[202]: x", 17, id="priority"),
        pytest.param("mail-server  | Nov 22 12:22:18 mail postfix/smtp[202]: x", 18, id="Compose"),
        pytest.param("Nov 22 12:22:19.123456 mail postfix/smtp[202]: x", 19, id="fraction"),
    ],
)
def test_prefixes_without_year(line: str, second: int) -> None:
    """A prefix does not change the rule for the year."""
    made = reader()
    origin, text = made.read(line)
    assert origin is not None
    assert (made.time, text) == (at(2026, 11, 22, 12, 22, second), "x")


RFC_5424 = "2025-11-22T12:22:16.000Z mail postfix/smtp 202"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"<22>1 {RFC_5424} - - ", id="plain"),
        pytest.param(f"<22>1 {RFC_5424} - - \ufeff", id="with a byte order mark"),
        pytest.param(f"1 {RFC_5424} - - ", id="without a priority"),
        pytest.param(f'<22>1 {RFC_5424} ID47 [meta x="a] \\" b"][timeQuality tzKnown="1"] ', id="structured data"),
    ],
)
def test_rfc_5424(head: str) -> None:
    """Lines in the format of RFC 5424 are read."""
    made = reader()
    for _ in range(2):  # the second time from the cache
        origin, text = made.read(head + "4jXSsP52xGzDhqX: to=<a@x.org>, relay=x]: y")
        assert origin is not None
        assert (at(2025, 11, 22, 12, 22, 16), "mail", "smtp") == (made.time, origin.host, origin.daemon)
        assert text == "4jXSsP52xGzDhqX: to=<a@x.org>, relay=x]: y"
        assert origin.parse is not None


@pytest.mark.parametrize(
    ("line", "known"),
    [
        pytest.param("<30>1 2025-11-22T12:22:16Z mail systemd - - - Started x.", True, id="no process id"),
        pytest.param("<30>1 2025-11-22T12:22:16Z mail systemd 1 - - Started x.", True, id="another program"),
        pytest.param('<30>1 2025-11-22T12:22:16Z mail systemd 1 - [meta x="a', False, id="cut in structured data"),
        pytest.param("<30>1 2025-13-22T12:22:16Z mail systemd 1 - - x", False, id="a month that is none"),
    ],
)
def test_rfc_5424_of_others(line: str, *, known: bool) -> None:
    """Lines of other programs are foreign, broken ones malformed."""
    origin, _ = reader().read(line)
    assert (origin is not None and origin.parse is None) if known else origin is None


@pytest.mark.parametrize("end", ["\r", " ", " \r", "  ", "#015", "#015#012", " #015 "])
def test_trailing_blanks(end: str) -> None:
    """Blanks, carriage returns and line feeds at the end of a line do not belong to the text, escaped ones neither."""
    _, text = reader().read(f"Nov 22 12:22:16 mail postfix/qmgr[202]: 4jXSsP52xGzDhqX: removed{end}")
    assert text == "4jXSsP52xGzDhqX: removed"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("mail kernel: [    1.2] eth0: link up", id="kernel"),
        pytest.param("mail systemd: started]: x", id="text that imitates a process id"),
        pytest.param("mail postfix/smtp: x", id="Postfix's name"),
        pytest.param("mail CRON (root): x", id="a tag with a blank"),
        pytest.param("mail sshd[22]:", id="no text"),
        pytest.param("last message repeated 3 times", id="repeated"),
        pytest.param("mail -- MARK --", id="mark"),
    ],
)
def test_foreign_without_process(text: str) -> None:
    """A line without a process id is from another program."""
    made = reader()
    for _ in range(2):  # the second time, the timestamp is known
        origin, _text = made.read(f"Nov 22 12:22:16 {text}")
        assert origin is not None
        assert origin.parse is None
        assert made.time == at(2026, 11, 22, 12, 22, 16)


@pytest.mark.parametrize(
    ("tag", "names", "ours"),
    [
        pytest.param("postfix/smtp", (), True, id="default"),
        pytest.param("postfix-in/smtp", (), True, id="instance"),
        pytest.param("sshd", (), False, id="another program"),
        pytest.param("postfixadmin/x", (), False, id="name with the same beginning"),
        pytest.param("mta/smtp", (), False, id="unknown custom name"),
        pytest.param("mta/smtp", ("mta",), True, id="custom name"),
        pytest.param("mta/out/smtp", ("mta/out",), True, id="custom name with a slash"),
    ],
)
def test_lines_of_other_programs(tag: str, names: tuple[str, ...], *, ours: bool) -> None:
    """Lines of Postfix and of other programs are distinguished by Postfix's names."""
    origin, _ = reader(*names).read(f"Nov 22 12:22:16 mail {tag}[1]: hello")
    assert origin is not None
    assert (origin.parse is not None) == ours


@pytest.mark.parametrize(
    ("stamp", "now", "expected"),
    [
        pytest.param("Dec 31 23:59:59", datetime(2027, 1, 1, tzinfo=UTC), at(2026, 12, 31, 23, 59, 59), id="last year"),
        pytest.param(
            "Jan 01 00:00:01", datetime(2026, 12, 31, 23, 59, tzinfo=UTC), at(2027, 1, 1, 0, 0, 1), id="next day"
        ),
        pytest.param("Feb 29 00:00:00", datetime(2027, 3, 1, tzinfo=UTC), at(2024, 2, 29), id="leap day"),
        pytest.param("Nov 22 12:00:00", datetime(2026, 11, 19, tzinfo=UTC), at(2026, 11, 22, 12), id="clock set back"),
    ],
)
def test_year(stamp: str, now: datetime, expected: float) -> None:
    """A timestamp without a year is the latest such time that is not in the future."""
    assert expected == parse_timestamp(stamp, now)


def test_zone() -> None:
    """Timestamps are read in a given time zone, daylight saving time included."""
    berlin = ZoneInfo("Europe/Berlin")
    assert at(2026, 7, 1, 10) == parse_timestamp("Jul  1 12:00:00", NOW, berlin)
    assert at(2026, 1, 1, 11) == parse_timestamp("Jan  1 12:00:00", NOW, berlin)


def test_new_year_while_following() -> None:
    """Lines before and after New Year are a second apart when the clock moves on."""
    made = reader()
    made.now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    made.read("Dec 31 23:59:59 mail postfix/smtp[1]: x")
    old = made.time
    made.now = datetime(2027, 1, 1, 0, 0, 0, tzinfo=UTC)
    made.read("Jan 01 00:00:00 mail postfix/smtp[1]: x")
    assert made.time - old == 1
