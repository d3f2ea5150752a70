"""The envelope of a log line."""

from datetime import UTC, datetime

import pytest

from mail_exporter.record import Foreign, LogRecord, RecordParser, stamp_time

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def at(*when: int) -> float:
    """Return the Unix time of a moment in UTC."""
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "Nov 22 12:22:16 mail postfix/smtp[202]: 4jXSsP52xGzDhqX: removed",
            LogRecord(at(2026, 11, 22, 12, 22, 16), "mail", "", "smtp", "", "4jXSsP52xGzDhqX: removed"),
            id="postlogd",
        ),
        pytest.param(
            "Nov  2 12:22:16 mail postfix/public/smtpd[202]: connect from a[1.2.3.4]",
            LogRecord(at(2026, 11, 2, 12, 22, 16), "mail", "public", "smtpd", "", "connect from a[1.2.3.4]"),
            id="space-padded day and a listener's own name",
        ),
        pytest.param(
            "Nov 22 12:22:16 mail postfix/smtp[202]: warning: bad: thing",
            LogRecord(at(2026, 11, 22, 12, 22, 16), "mail", "", "smtp", "warning", "bad: thing"),
            id="severity",
        ),
        pytest.param("Nov 22 12:22:16 mail sshd[1]: hello", Foreign("sshd"), id="another program"),
        pytest.param("", None, id="empty"),
        pytest.param("Feb 31 12:22:16 mail postfix/smtp[202]: x", None, id="a day that is none"),
        pytest.param("\0\udcff", None, id="garbage"),
    ],
)
def test_envelope(line: str, expected: LogRecord | Foreign | None) -> None:
    """A line's envelope is taken off, or the line is foreign or malformed."""
    assert expected == RecordParser().parse(line, NOW)


@pytest.mark.parametrize(
    ("stamp", "now", "expected"),
    [
        pytest.param("Dec 31 23:59:59", datetime(2027, 1, 1, tzinfo=UTC), at(2026, 12, 31, 23, 59, 59), id="last year"),
        pytest.param("Jan 01 00:00:01", datetime(2026, 12, 31, 23, 59, tzinfo=UTC), at(2027, 1, 1, 0, 0, 1), id="next"),
        pytest.param("Feb 29 00:00:00", datetime(2027, 3, 1, tzinfo=UTC), at(2024, 2, 29), id="leap day"),
    ],
)
def test_year(stamp: str, now: datetime, expected: float) -> None:
    """A stamp without a year means the latest such moment that is not in the future."""
    assert expected == stamp_time(stamp, now)
