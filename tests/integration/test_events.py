"""Events of a real Postfix, as the exporter counts and explains them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mail_telemetry.causes import EXPLANATIONS, Cause
from tests.integration.postfix.dialogue import STARTTLS, Line, plain
from tests.integration.stack import EXPORTER, RECIPIENT, Stack, until

PUBLIC = 2525
SUBMISSION = 587


class Counter:
    """One sample of the exporter, compared with its value at the creation of this object."""

    def __init__(self, stack: Stack, name: str, **labels: str) -> None:
        self._stack, self._name, self._labels = stack, name, labels
        self._before = self._now()

    def _now(self) -> float:
        return self._stack.value(EXPORTER, self._name, **self._labels)

    def wait_until_moved(self) -> None:
        """Wait until the value has increased."""
        until(f"{self._name}{self._labels} higher than {self._before}", lambda: self._now() > self._before)


def explained(stack: Stack, mail: str, words: str) -> str:
    """Return the output of `mail-exporter explain`, without line breaks and indents, when it has these words."""

    def look() -> str | None:
        text = " ".join(stack.execute("mail-exporter", "mail-exporter", "explain", mail).split())
        return text if words in text else None

    return until(f"{words!r} in the explanation", look)


@contextmanager
def line_to(stack: Stack, port: int) -> Iterator[Line]:
    """Return a connection to a published port of the mail server, after its greeting."""
    with Line(*stack.address("mail-server", port)) as line:
        assert line.answer().startswith("220 ")
        yield line


@contextmanager
def short_timeout(stack: Stack, timeout: str = "smtp_helo_timeout") -> Iterator[None]:
    """Set a time-out of Postfix, by default the one for a greeting, to a second instead of minutes."""
    stack.execute("mail-server", "postconf", "-e", f"{timeout}=1s")
    stack.execute("mail-server", "postfix", "reload")
    try:
        yield
    finally:
        stack.execute("mail-server", "postconf", "-X", timeout)
        stack.execute("mail-server", "postfix", "reload")


OWN_NEXT_STEPS = {"app_password_required": "Turn on 2-step verification, create an app password"}
"""Next steps of rules that replace the one of their cause."""


@pytest.mark.parametrize(
    ("fault", "parameters", "cause"),
    [
        pytest.param("wrong_password", {}, Cause.AUTH, id="wrong password"),
        pytest.param("app_password_required", {}, Cause.AUTH, id="app password required"),
        pytest.param("too_many_logins", {}, Cause.AUTH_RATE, id="too many logins"),
        pytest.param("limit_reached", {}, Cause.QUOTA, id="limit reached"),
        pytest.param("rate_limited", {}, Cause.RATE, id="rate limited"),
        pytest.param("try_again_later", {}, Cause.RATE, id="try again later"),
        pytest.param("no_starttls", {}, Cause.TLS, id="TLS refused"),
        pytest.param("bad_certificate", {"kind": "self_signed"}, Cause.TLS, id="self-signed certificate"),
        pytest.param("drop_at_data", {}, Cause.CONNECT, id="dropped at DATA"),
        pytest.param("refuse_connection", {}, Cause.CONNECT, id="connection refused"),
    ],
)
def test_deferred_and_recovered(
    stack: Stack, subject: str, fault: str, parameters: dict[str, Any], cause: Cause
) -> None:
    """After a temporary failure a mail is deferred, counted and explained by cause, and sent after the repair."""
    failures = Counter(stack, "postfix_relay_failures_total", cause=cause.value)
    sent = Counter(stack, "postfix_recipients_finished_total", outcome="sent", entry="api", forwarded="no")
    with stack.fault(fault, **parameters):
        message_id = stack.send(subject)
        failures.wait_until_moved()
        next_step = OWN_NEXT_STEPS.get(fault, EXPLANATIONS[cause].next_step)
        assert next_step in explained(stack, message_id, f"why it waits {cause}:")
        assert next_step in stack.status(message_id, "deferred")["next_step"]
    stack.received(subject)
    sent.wait_until_moved()
    explained(stack, message_id, "left the queue")


def test_greylisted(stack: Stack, subject: str) -> None:
    """A relay with greylisting accepts the mail at the second attempt."""
    failures = Counter(stack, "postfix_relay_failures_total", cause="greylist")
    with stack.fault("greylist"):
        message_id = stack.send(subject)
        stack.received(subject)
    failures.wait_until_moved()
    assert "451 4.7.1 Greylisted" in explained(stack, message_id, "left the queue")


def test_timeout(stack: Stack, subject: str) -> None:
    """A relay that does not answer has the cause `timeout`, not that of a refused or broken connection."""
    failures = Counter(stack, "postfix_relay_failures_total", cause="timeout")
    with short_timeout(stack), stack.fault("slow", at="banner", seconds=5):
        message_id = stack.send(subject)
        failures.wait_until_moved()
        explained(stack, message_id, "why it waits timeout:")
    stack.received(subject)


def test_possible_duplicate(stack: Stack, subject: str) -> None:
    """A mail whose reply comes too late is sent twice; status and explanation show this after the success too."""
    with short_timeout(stack, "smtp_data_done_timeout"), stack.fault("slow", at="end", seconds=3, count=1):
        message_id = stack.send(subject)
        waiting = stack.status(message_id, "deferred")
    relayed = stack.status(message_id, "relayed")
    for found in (waiting, relayed):
        assert found["possible_duplicate"]
        assert [one["possible_duplicate"] for one in found["recipients"]] == [True]
    explained(stack, message_id, "duplicate possible at")


@pytest.mark.parametrize(
    ("fault", "parameters", "cause"),
    [
        pytest.param("unknown_recipient", {}, Cause.RECIPIENT, id="unknown recipient"),
        pytest.param("too_large", {}, Cause.SIZE, id="oversize"),
        pytest.param("content", {}, Cause.CONTENT, id="forbidden content"),
    ],
)
def test_bounced(stack: Stack, subject: str, fault: str, parameters: dict[str, Any], cause: Cause) -> None:
    """A mail that the relay rejects permanently is counted as bounced, and explained with its cause and next step."""
    failures = Counter(stack, "postfix_relay_failures_total", cause=cause.value)
    bounced = Counter(stack, "postfix_recipients_finished_total", outcome="bounced", entry="api", forwarded="no")
    notices = Counter(stack, "postfix_notices_total", kind="failure")
    with stack.fault(fault, **parameters, count=1):
        message_id = stack.send(subject)
        for counter in (failures, bounced, notices):
            counter.wait_until_moved()
    assert EXPLANATIONS[cause].next_step in explained(stack, message_id, "1 bounced")


def test_expired(stack: Stack, subject: str) -> None:
    """An expired mail is counted as expired."""
    expired = Counter(stack, "postfix_recipients_finished_total", outcome="expired", entry="api", forwarded="no")
    with stack.fault("refuse_connection"):
        message_id = stack.send(subject)
        explained(stack, message_id, "why it waits")
        stack.execute("mail-server", "postsuper", "-e", "ALL", "deferred")
        expired.wait_until_moved()
    explained(stack, message_id, "1 expired")


def test_sent(stack: Stack, subject: str) -> None:
    """A mail that the relay accepts is counted once as sent, with its size and delivery time."""
    moved = (
        Counter(stack, "postfix_recipients_finished_total", outcome="sent", entry="api", forwarded="no"),
        Counter(stack, "postfix_delivery_attempts_total", status="sent", relay="sandbox-relay"),
        Counter(stack, "postfix_delivery_duration_seconds_count", outcome="sent"),
        Counter(stack, "postfix_message_size_bytes_sum"),
    )
    message_id = stack.send(subject)
    stack.received(subject)
    for counter in moved:
        counter.wait_until_moved()
    explained(stack, message_id, "250 2.0.0 OK")


def test_forwarded(stack: Stack, subject: str) -> None:
    """A forwarded mail is counted with the entry `public` and as forwarded."""
    forwarded = Counter(stack, "postfix_recipients_finished_total", outcome="sent", entry="public", forwarded="yes")
    with line_to(stack, PUBLIC) as line:
        for command in ("EHLO out.example", "MAIL FROM:<visitor@out.example>", "RCPT TO:<hi@dinky.example>"):
            assert line.ask(command).startswith("250")
        assert line.ask("DATA").startswith("354")
        assert line.ask(f"From: visitor@out.example\r\nSubject: {subject}\r\n\r\nhello\r\n.").startswith("250")
    assert stack.received(subject)["recipients"] == ["owner@inbox.example"]
    forwarded.wait_until_moved()


def test_rejected_at_rcpt(stack: Stack) -> None:
    """A relay attempt from outside is rejected, and counted by entry and reason."""
    rejects = Counter(stack, "postfix_smtpd_rejects_total", entry="public", reason="relay_denied")
    with line_to(stack, PUBLIC) as line:
        line.ask("EHLO out.example")
        line.ask("MAIL FROM:<visitor@out.example>")
        assert line.ask(f"RCPT TO:<{RECIPIENT}>").startswith("554 5.7.1")
    rejects.wait_until_moved()


def test_auth_failure(stack: Stack) -> None:
    """A wrong password at the submission port is counted as a failed login."""
    failures = Counter(stack, "postfix_smtpd_auth_failures_total", entry="submission")
    with line_to(stack, SUBMISSION) as line:
        line.ask("EHLO out.example")
        assert line.ask(STARTTLS).startswith("220")
        line.start_tls()
        line.ask("EHLO out.example")
        assert line.ask(plain("admin", "guess")).startswith("535")
    failures.wait_until_moved()


def test_every_line_is_parsed(stack: Stack) -> None:
    """After all these events no line of Postfix is foreign, unsupported or malformed, and no failure lacks a cause."""
    unparsed = [line for line in stack.logs("mail-exporter").splitlines() if "line not understood" in line]
    assert unparsed == []
    for result in ("foreign", "unsupported", "malformed"):
        assert stack.value(EXPORTER, "postfix_log_lines_total", result=result) == 0
    assert stack.value(EXPORTER, "postfix_relay_failures_total", cause="other") == 0
