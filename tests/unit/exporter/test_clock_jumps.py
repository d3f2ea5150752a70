"""The mail server's clock is set forward or back by an hour while a mail is on its way."""

import pytest

from mail_exporter.parse.grammar import arrival_time
from mail_ledger import Ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness

# Postfix logs a negative delay as 0.
JUMPS = [
    pytest.param("11", "0", "0/0/0/0", id="back"),
    pytest.param("13", "3600", "0.1/0.02/3599/0.1", id="forward"),
]


def at_hour(line: str, hour: str) -> str:
    """Return a log line with another hour in its timestamp."""
    return line.replace("Nov 22 12:", f"Nov 22 {hour}:", 1)


@pytest.mark.parametrize(("hour", "delay", "delays"), JUMPS)
def test_jump_before_the_delivery(harness: PipelineHarness, ledger: Ledger, hour: str, delay: str, delays: str) -> None:
    """The attempt is counted and stored once, the mail is closed, and no span ends before it starts."""
    harness.feed(*logs.accepted())
    harness.feed(at_hour(logs.sent(delay=delay, delays=delays), hour), at_hour(logs.removed(), hour))
    assert harness.value("postfix_delivery_attempts_total", status="sent", relay="smtp.gmail.com") == 1
    (mail,) = ledger.find_messages(logs.API_ID)
    (attempt,) = ledger.attempts(mail.id)
    assert (attempt.status, attempt.counted, mail.closed is not None) == ("sent", True, True)
    assert mail.arrived == arrival_time(logs.QUEUE_ID)
    assert [span.name for span in harness.spans if (span.end_time or 0) < (span.start_time or 0)] == []
    assert [span.name for span in harness.spans if span.parent is None] == []


@pytest.mark.parametrize(("hour", "delay", "delays"), JUMPS)
def test_jump_between_two_attempts(
    harness: PipelineHarness, ledger: Ledger, hour: str, delay: str, delays: str
) -> None:
    """A deferred mail that is delivered after the jump has both attempts, in the order of the log."""
    harness.feed(*logs.accepted(), logs.deferred())
    later = (logs.active(), logs.sent(delay=delay, delays=delays), logs.removed())
    harness.feed(*(at_hour(line, hour) for line in later))
    (mail,) = ledger.find_messages(logs.API_ID)
    assert [(one.number, one.status) for one in ledger.attempts(mail.id)] == [(1, "deferred"), (2, "sent")]
    assert [span.name for span in harness.spans if (span.end_time or 0) < (span.start_time or 0)] == []
