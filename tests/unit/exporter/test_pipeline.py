"""The whole pipeline: log lines in; metrics, spans and ledger rows out."""

import pytest

from mail_ledger import Ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness


def test_finished_mail_is_not_open(harness: PipelineHarness, ledger: Ledger) -> None:
    """A mail is open in the ledger while it is in the queue."""
    harness.feed(*logs.accepted())
    assert [row.queue_id for row in ledger.open_messages()] == [logs.QUEUE_ID]
    harness.feed(logs.sent(), logs.removed())
    assert list(ledger.open_messages()) == []
    assert len(harness.tracker) == 0


def test_mail_and_attempts_in_the_ledger(harness: PipelineHarness, ledger: Ledger) -> None:
    """A mail is found by the id of the API, with attempts, causes and masked replies."""
    harness.feed(*logs.accepted(), logs.deferred(), logs.active(), logs.sent(delay="300"), logs.removed())
    (mail,) = ledger.find_messages(logs.API_ID)
    assert (mail.queue_id, mail.entry, mail.size, mail.closed is not None) == (logs.QUEUE_ID, "api", 700, True)
    first, second = ledger.attempts(mail.id)
    assert (first.number, first.status, first.cause, first.counted) == (1, "deferred", "auth", False)
    assert "Password not accepted for a***@x.example" in first.reply
    assert (second.number, second.status, second.cause, second.counted) == (2, "sent", None, True)
    assert second.recipient == "a***@x.example"
    assert second.ended == pytest.approx(mail.arrived + 300)


def test_notice_logged_after_its_removal(harness: PipelineHarness, ledger: Ledger) -> None:
    """bounce(8) may log a notice after that mail was removed: its row in the ledger is kept."""
    bounce = "4jXW7p6hNhzC61H"
    harness.feed(
        *logs.accepted(),
        logs.line("cleanup", f"{bounce}: message-id=<{bounce}@mail.dinky.example>"),
        logs.line("qmgr", f"{bounce}: from=<>, size=2913, nrcpt=1 (queue active)"),
        logs.sent().replace(logs.QUEUE_ID, bounce),
        logs.line("qmgr", f"{bounce}: removed"),
        logs.line("bounce", f"{logs.QUEUE_ID}: sender non-delivery notification: {bounce}"),
    )
    (notice,) = ledger.find_messages(bounce)
    assert (notice.notice_of, notice.activations, notice.closed is not None) == (logs.QUEUE_ID, 1, True)
    assert [row.queue_id for row in ledger.open_messages()] == [logs.QUEUE_ID]


def test_counters(harness: PipelineHarness) -> None:
    """Attempts, failures by cause, entry, stages and lines by result are counted."""
    harness.feed(
        *logs.accepted(),
        logs.deferred(),
        logs.active(),
        logs.sent(),
        logs.removed(),
        "Nov 22 12:00:00 mail sshd[1]: x",
        "\ufffd",
        logs.line("smtp", "what is this"),
    )
    relay = {"relay": "smtp.gmail.com"}
    assert harness.value("postfix_delivery_attempts_total", status="sent", **relay) == 1
    assert harness.value("postfix_delivery_attempts_total", status="deferred", **relay) == 1
    assert harness.value("postfix_relay_failures_total", cause="auth") == 1
    assert harness.value("postfix_relay_failures_total", cause="quota") == 0
    assert harness.value("postfix_messages_received_total", entry="api") == 1
    assert harness.value("postfix_message_size_bytes_sum") == 700
    assert harness.value("postfix_delivery_stage_seconds_sum", stage="connection_setup") == pytest.approx(0.3)
    assert harness.value("postfix_log_lines_total", result="parsed") == 7
    assert harness.value("postfix_log_lines_total", result="foreign") == 1
    assert harness.value("postfix_log_lines_total", result="malformed") == 1
    assert harness.value("postfix_log_lines_total", result="unsupported") == 1


def test_suspended_delivery_is_no_new_relay_failure(harness: PipelineHarness) -> None:
    """A repeated failure of the retry daemon is counted separately, with its cause."""
    repeated = (
        logs.deferred()
        .replace("postfix/smtp[", "postfix/error[")
        .replace("smtp.gmail.com[1.2.3.4]:587", "none")
        .replace("(SASL", "(delivery temporarily suspended: SASL")
    )
    harness.feed(*logs.accepted(), repeated)
    assert harness.value("postfix_delivery_attempts_total", status="deferred", relay="none") == 1
    assert harness.value("postfix_relay_failures_total", cause="auth") == 0
    assert harness.value("postfix_deliveries_suspended_total", cause="auth") == 1


@pytest.mark.parametrize(
    ("daemon", "entry"),
    [
        pytest.param("public/smtpd", "public", id="public"),
        pytest.param("submission/smtpd", "submission", id="submission"),
        pytest.param("pickup", "local", id="local"),
    ],
)
def test_entry_is_the_listeners(harness: PipelineHarness, daemon: str, entry: str) -> None:
    """A client that imitates the API's Message-ID is not counted as the API."""
    lines = [line.replace("client=mail-api[172.18.0.5]", "uid=0 from=<x>") if daemon == "pickup" else line
             for line in logs.accepted(daemon=daemon)]  # fmt: skip
    harness.feed(*lines)
    assert harness.value("postfix_messages_received_total", entry=entry) == 1
    assert harness.value("postfix_messages_received_total", entry="api") == 0


def test_recipients_finish_once(harness: PipelineHarness) -> None:
    """A mail is finished once for each recipient, after any number of attempts."""
    harness.feed(*logs.accepted(), logs.deferred(), logs.active(), logs.sent(delay="300"), logs.removed())
    assert harness.value("postfix_recipients_finished_total", outcome="sent", entry="api", forwarded="no") == 1
    assert harness.value("postfix_delivery_duration_seconds_sum", outcome="sent") == 300


def test_expired_recipients(harness: PipelineHarness) -> None:
    """Recipients without a last attempt expire with the mail, the others do not."""
    harness.feed(
        *logs.accepted(), logs.active(recipients=3), logs.sent(), logs.deferred(), logs.expired(), logs.removed()
    )
    finished = {
        outcome: harness.value("postfix_recipients_finished_total", outcome=outcome, entry="api", forwarded="no")
        for outcome in ("sent", "expired", "deleted")
    }
    assert finished == {"sent": 1, "expired": 2, "deleted": 0}


def test_deleted_recipients(harness: PipelineHarness) -> None:
    """A mail that is removed without a last attempt was deleted by an operator."""
    harness.feed(*logs.accepted(), logs.removed())
    assert harness.value("postfix_recipients_finished_total", outcome="deleted", entry="api", forwarded="no") == 1


def test_forwarded(harness: PipelineHarness) -> None:
    """A recipient from an alias counts as forwarded, with the entry of the mail."""
    forwarded = logs.sent().replace("to=<a@x.example>,", "to=<a@x.example>, orig_to=<hi@dinky.example>,")
    harness.feed(*logs.accepted(daemon="public/smtpd"), forwarded, logs.removed())
    assert harness.value("postfix_recipients_finished_total", outcome="sent", entry="public", forwarded="yes") == 1


def test_unknown_cause(harness: PipelineHarness) -> None:
    """A reply without a known cause is counted as other, and reported."""
    unknown = logs.deferred().replace("4.7.8", "4.9.9").replace("SASL authentication failed", "the moon is wrong")
    unknown = unknown.replace("535-5.7.8 Username and Password not accepted", "no")
    harness.feed(*logs.accepted(), unknown)
    assert harness.value("postfix_relay_failures_total", cause="other") == 1
    assert [text.partition(";")[0] for text in harness.unknown] == ["the moon is wrong"]


def test_short_queue_id_that_is_used_again(harness: PipelineHarness, ledger: Ledger) -> None:
    """Two mails with the same short queue id are separate, even if the end of the first one is missing."""
    first = [line.replace("12:00", "11:00") for line in logs.accepted("127C519E06E")]
    harness.feed(*first, *logs.accepted("127C519E06E"), logs.removed("127C519E06E"))
    assert [row.closed is None for row in ledger.find_messages("127C519E06E")] == [False, True]
    assert harness.value("postfix_messages_received_total", entry="api") == 2


def test_too_many_open_mails(ledger: Ledger) -> None:
    """Above the limit, the oldest mails are evicted and counted."""
    harness = PipelineHarness(ledger, max_open_mails=10)
    for number in range(30):
        harness.feed(*logs.accepted(f"{number:012X}"))
    assert len(harness.tracker) <= 10
    assert len(harness.tracker) + harness.tracker.evicted == 30


def test_truncated_attempt(harness: PipelineHarness) -> None:
    """A bounce that postlogd(8) truncated at 2,000 characters is the end of its mail, with the available text."""
    bounced = logs.sent().replace("dsn=2.0.0, status=sent", "dsn=5.1.1, status=bounced").rstrip(")") + "x" * 2000
    harness.feed(*logs.accepted(), bounced[:2000], logs.removed())
    assert harness.value("postfix_recipients_finished_total", outcome="bounced", entry="api", forwarded="no") == 1
    assert harness.value("postfix_recipients_finished_total", outcome="deleted", entry="api", forwarded="no") == 0


def test_bounced_by_cleanup(harness: PipelineHarness, ledger: Ledger) -> None:
    """A mail that cleanup(8) bounces is finished as bounced and was never in the queue."""
    harness.feed(
        logs.line("pickup", f"{logs.QUEUE_ID}: uid=0 from=<root>"),
        logs.line("cleanup", f"{logs.QUEUE_ID}: message-id=<x@y>"),
        logs.line(
            "cleanup",
            f"{logs.QUEUE_ID}: to=<a@x.test>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=5.7.1, status=bounced (no)",
        ),
        logs.line("cleanup", f"{logs.QUEUE_ID}: removed (canceled)"),
    )
    assert harness.value("postfix_recipients_finished_total", outcome="bounced", entry="local", forwarded="no") == 1
    assert harness.value("postfix_messages_received_total", entry="local") == 0
    (mail,) = ledger.find_messages(logs.QUEUE_ID)
    assert (mail.attempts, mail.recipients_finished, mail.closed is not None) == (1, 1, True)
    assert [attempt.status for attempt in ledger.attempts(mail.id)] == ["bounced"]


def test_deferred_by_cleanup(harness: PipelineHarness) -> None:
    """A mail of which cleanup(8) defers a recipient is received when the queue manager activates it."""
    harness.feed(
        logs.line(
            "cleanup",
            f"{logs.QUEUE_ID}: to=<a@x.test>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=4.6.0, status=deferred (no)",
        ),
        *logs.accepted(),
        logs.sent(),
    )
    assert harness.value("postfix_messages_received_total", entry="api") == 1


def test_failed_hosts(harness: PipelineHarness) -> None:
    """A host that failed before another one was tried is counted by relay and cause, and is no attempt."""
    server = "smtp.gmail.com[1.2.3.4]"
    harness.feed(
        *logs.accepted(),
        logs.line("smtp", f"{logs.QUEUE_ID}: SASL authentication failed; server {server} said: 535 5.7.8 Username and "
                          "Password not accepted"),
        logs.line("smtp", f"{logs.QUEUE_ID}: host mx.other.example[1.2.3.5] said: 450 4.4.2 timed out (in reply to x)"),
        logs.sent(),
        logs.removed(),
    )  # fmt: skip
    name = "postfix_host_failures_total"
    assert harness.value(name, relay="smtp.gmail.com", cause="auth") == 1
    assert harness.value(name, relay="other", cause="timeout") == 1
    assert harness.value("postfix_log_lines_total", result="unsupported") == 0
    assert harness.value("postfix_relay_failures_total", cause="auth") == 0
    assert harness.value("postfix_recipients_finished_total", outcome="sent", entry="api", forwarded="no") == 1


def test_notes(harness: PipelineHarness) -> None:
    """A line about the configuration is counted by its kind."""
    harness.feed(logs.line("trivial-rewrite", "table hash:/etc/postfix/transport(0,lock) has changed -- restarting"))
    assert harness.value("postfix_log_notes_total", note="table_changed") == 1
