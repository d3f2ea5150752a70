"""Rows of mails and attempts in the ledger."""

from mail_exporter.mail import Mail
from mail_exporter.parse.grammar import arrival_time
from mail_ledger import AttemptRow, Ledger, MessageRow
from tests.unit.exporter.harness import PipelineHarness
from tests.unit.exporter.logs import QUEUE_ID, accepted, deferred

ROW = MessageRow(
    id="4jXSsP52xGzDhqX@0a",
    queue_id="4jXSsP52xGzDhqX",
    server="mail.shop.test",
    host="mail",
    arrived=1795350201.7,
    entry="public",
    api_id="msg_1",
    message_id="<x@y>",
    traceparent="00-1-2-01",
    size=368,
    recipient_count=3,
    recipients_finished=2,
    activations=4,
    attempted=5,
    attempts=6,
    waiting_since=1795350202.5,
    expired=True,
    notice_of="4jXSsQ3lJyzC60P",
    closed=1795350203.5,
)


def test_mail() -> None:
    """A mail that was read from the ledger is stored unchanged."""
    assert Mail.of_row(ROW).row() == ROW


def test_attempt(harness: PipelineHarness, ledger: Ledger) -> None:
    """The row of an attempt has all its fields, with masked addresses."""
    arrived = arrival_time(QUEUE_ID) or 0.0
    ended = arrived + 0.4
    harness.feed(*accepted(), deferred())
    expected = AttemptRow(
        message=QUEUE_ID,
        ordinal=1,
        number=1,
        waiting_since=arrived + 0.1,
        started=ended - 0.2,
        connected=ended,
        ended=ended,
        delay=0.4,
        recipient="a***@x.example",
        forwarded=False,
        agent="smtp",
        relay="smtp.gmail.com[1.2.3.4]:587",
        counted=False,
        status="deferred",
        dsn="4.7.8",
        cause="auth",
        suspended=False,
        reply="SASL authentication failed; server smtp.gmail.com[1.2.3.4] said: 535-5.7.8 Username and "
        "Password not accepted for a***@x.example",
    )
    assert [expected] == ledger.attempts(QUEUE_ID)
