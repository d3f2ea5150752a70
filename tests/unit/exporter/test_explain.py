"""Explanation of one mail."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from mail_exporter.collectors.queue import QueuedMail
from mail_exporter.explain import SpanNode, draw_tree, explain
from mail_ledger import Ledger
from mail_telemetry.cause_rules import built_in_classifier
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Return a new ledger."""
    with closing(new_ledger.in_memory()) as opened:
        yield opened


def explained(ledger: Ledger, *lines: str, queued: QueuedMail | None = None) -> str:
    """Return the explanation of the mail in these lines."""
    PipelineHarness(ledger).feed(*lines)
    (mail,) = ledger.find_messages(logs.API_ID)
    return explain(mail, ledger.attempts(mail.id), queued, built_in_classifier(), queue_known=True)


def test_deferred_mail(ledger: Ledger) -> None:
    """The explanation has the cause, whether a retry can succeed, the next step and the trace."""
    queued = QueuedMail("deferred", logs.QUEUE_ID, 0, 700, "x")
    text = explained(ledger, *logs.accepted(), logs.deferred(), queued=queued)
    assert "state          in the queue, deferred" in text
    assert "to a***@x.example: deferred 4.7.8, by smtp.gmail.com[1.2.3.4]:587" in text
    assert "why it waits   auth: The relay refuses our user name or password." in text
    assert "retry          cannot succeed before the next step is done" in text
    assert "next step      Make a new app password" in text
    assert f"trace          {logs.TRACE_ID}" in text
    assert "postfix deliver" in text
    assert "deferred: auth, 535-5.7.8 Username and Password not accepted" in text
    assert "anna@" not in text


def test_sent_mail(ledger: Ledger) -> None:
    """A mail that was sent needs no advice."""
    text = explained(ledger, *logs.accepted(), logs.deferred(), logs.active(), logs.sent(delay="300"), logs.removed())
    assert "left the queue 2026-11-22 12:23:21 UTC: 1 sent" in text
    assert "why" not in text
    assert text.count("postfix queue") == 2


def test_expired_mail(ledger: Ledger) -> None:
    """An expired mail has its cause, and no further retry."""
    text = explained(ledger, *logs.accepted(), logs.deferred(), logs.expired(), logs.removed())
    assert ": 1 expired" in text
    assert "why it failed  auth" in text
    assert "retry          none: the mail has left the queue" in text


UNANSWERED = "lost connection with r[192.0.2.1] while sending end of data -- message may be sent more than once"


def test_possible_duplicate(ledger: Ledger) -> None:
    """The explanation names the recipients that may have the mail twice, also after a later success."""
    lost = logs.deferred(text=UNANSWERED, dsn="4.4.2")
    text = explained(ledger, *logs.accepted(), lost, logs.active(), logs.sent(delay="300"), logs.removed())
    assert "duplicate      possible at a***@x.example: no reply came after the whole mail was sent" in text


def test_no_duplicate_of_a_suspended_attempt(ledger: Ledger) -> None:
    """A skipped attempt repeats the text of another mail's failure; this mail was not sent."""
    skipped = logs.deferred(text=f"delivery temporarily suspended: {UNANSWERED}", dsn="4.4.2")
    assert "duplicate" not in explained(ledger, *logs.accepted(), skipped)


def test_many_attempts(ledger: Ledger) -> None:
    """Of many attempts, the first and the last ones are shown, with the number of the others."""
    again = [line for _ in range(20) for line in (logs.active(), logs.deferred())]
    text = explained(ledger, *logs.accepted(), logs.deferred(), *again)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("attempt")] == [
        "1",
        "18",
        "19",
        "20",
        "21",
    ]
    assert "...            16 more" in text


def test_mail_without_an_attempt(ledger: Ledger) -> None:
    """A mail without a logged attempt is explained from the live queue."""
    queued = QueuedMail("deferred", logs.QUEUE_ID, 0, 700, "connect to x[1.2.3.4]:587: Connection refused")
    text = explained(ledger, *logs.accepted(), queued=queued)
    assert "why it waits   connect" in text
    assert "retry          can succeed without a change" in text


def test_tree() -> None:
    """Spans are drawn below their parents, with lines to their siblings."""
    nodes = [
        SpanNode(0, "a", 0, 1),
        SpanNode(1, "b", 0, 0.5),
        SpanNode(2, "c", 0, 0.25, "bad"),
        SpanNode(1, "d", 90, 7290),
    ]
    assert draw_tree(nodes).splitlines() == [
        "a           +0 ms     1 s",
        "├─ b        +0 ms  500 ms",
        "│  └─ c     +0 ms  250 ms  bad",
        "└─ d     +1.5 min     2 h",
    ]
