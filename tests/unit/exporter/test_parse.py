"""What each line says, on lines that a real Postfix 3.10 wrote."""

import pytest

from mail_exporter.events import (
    Accepted,
    Activated,
    Attempted,
    Delays,
    Event,
    MessageIdSeen,
    Noted,
    Removed,
    Status,
    TraceSeen,
)
from mail_exporter.parse import parse
from mail_exporter.parse.grammar import arrival_time
from mail_exporter.record import LogRecord

QUEUE_ID = "4jXSsP52xGzDhqX"


def record(daemon: str, text: str, service: str = "", severity: str = "") -> LogRecord:
    """Return a record with the given daemon and text."""
    return LogRecord(0.0, "mail", service, daemon, severity, text)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        pytest.param(
            record("smtpd", f"{QUEUE_ID}: client=web[172.18.0.5]", service="public"),
            Accepted(QUEUE_ID, "public"),
            id="client",
        ),
        pytest.param(record("pickup", f"{QUEUE_ID}: uid=0 from=<root>"), Accepted(QUEUE_ID, "pickup"), id="local"),
        pytest.param(record("smtpd", "connect from web[172.18.0.5]"), Noted("connect from"), id="connect"),
        pytest.param(
            record(
                "cleanup",
                f"{QUEUE_ID}: info: header Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03 from "
                "localhost[127.0.0.1]; from=<app@test.example> to=<a@gmail.com> proto=ESMTP helo=<api>: mailtrace",
            ),
            TraceSeen(QUEUE_ID, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"),
            id="traceparent",
        ),
        pytest.param(
            record("cleanup", f"{QUEUE_ID}: message-id=<x, status=sent (y)@z>"),
            MessageIdSeen(QUEUE_ID, "<x, status=sent (y)@z>"),
            id="message id that imitates fields",
        ),
        pytest.param(
            record("qmgr", f"{QUEUE_ID}: from=<a@b>, size=368, nrcpt=1 (queue active)"),
            Activated(QUEUE_ID, 368, 1),
            id="active",
        ),
        pytest.param(record("qmgr", f"{QUEUE_ID}: removed"), Removed(QUEUE_ID), id="removed"),
        pytest.param(
            record("qmgr", f"{QUEUE_ID}: from=<>, status=expired, returned to sender"),
            Noted("from=<>, status=expired"),
            id="expired",
        ),
        pytest.param(
            record(
                "smtp",
                f"{QUEUE_ID}: to=<a@gmail.com>, relay=smtp.gmail.com[142.250.1.1]:587, conn_use=2, delay=1.2, "
                "delays=0.1/0.02/0.9/0.18, tls=may, dsn=2.0.0, status=sent (250 2.0.0 OK 1763800000 x-gsmtp)",
            ),
            Attempted(
                QUEUE_ID,
                "a@gmail.com",
                "smtp.gmail.com[142.250.1.1]:587",
                1.2,
                Delays(0.1, 0.02, 0.9, 0.18),
                "2.0.0",
                Status.SENT,
                "250 2.0.0 OK 1763800000 x-gsmtp",
            ),
            id="sent over a reused connection, with 3.11's tls field",
        ),
        pytest.param(
            record(
                "smtp",
                f'{QUEUE_ID}: to=<"x>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)"@e.org>, '
                "relay=none, delay=30, delays=0/0/30/0, dsn=4.4.1, status=deferred (connect to 1.2.3.4[1.2.3.4]:587: "
                "Connection refused)",
            ),
            Attempted(
                QUEUE_ID,
                '"x>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)"@e.org',
                "none",
                30.0,
                Delays(0, 0, 30, 0),
                "4.4.1",
                Status.DEFERRED,
                "connect to 1.2.3.4[1.2.3.4]:587: Connection refused",
            ),
            id="a recipient that imitates fields",
        ),
        pytest.param(
            record(
                "local",
                "127C519E06E: to=<root@mail>, orig_to=<root>, relay=local, delay=0.01, delays=0.01/0/0/0, dsn=5.2.2, "
                "status=SOFTBOUNCE (mailbox full)",
            ),
            Attempted(
                "127C519E06E",
                "root@mail",
                "local",
                0.01,
                Delays(0.01, 0, 0, 0),
                "5.2.2",
                Status.SOFTBOUNCE,
                "mailbox full",
            ),
            id="local, short queue id, soft bounce",
        ),
        pytest.param(record("smtp", "something new happened", severity="warning"), Noted("warning"), id="warning"),
        pytest.param(record("smtp", "something new happened"), None, id="not understood"),
        pytest.param(record("newdaemon", "hello"), None, id="unknown daemon"),
    ],
)
def test_event(read: LogRecord, expected: Event | None) -> None:
    """A line becomes the event it tells, and nothing that somebody else wrote into it."""
    assert expected == parse(read)


@pytest.mark.parametrize(
    ("queue_id", "expected"),
    [
        pytest.param("127C519E06E", None, id="short"),
        pytest.param("4jXSsP52xGzDhqX", 1795350201.71101, id="long"),
        pytest.param("AAAAAAAAAAzBBB", None, id="vowels"),
    ],
)
def test_arrival_time(queue_id: str, expected: float | None) -> None:
    """A long queue id holds the arrival to the microsecond."""
    assert expected == arrival_time(queue_id)
