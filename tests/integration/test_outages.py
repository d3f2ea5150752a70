"""Hops that fail and recover: no accepted mail is lost, and failures are counted."""

from tests.integration.stack import EXPORTER, RECIPIENT, Stack, until


def test_relay_down_and_back(stack: Stack, subject: str) -> None:
    """While the relay is down a mail is deferred and counted by cause, and sent when the relay is up again."""
    failures = stack.value(EXPORTER, "postfix_relay_failures_total", cause="connect")
    with stack.fault("refuse_connection"):
        message_id = stack.send(subject)
        until(
            "a failure counted by cause",
            lambda: stack.value(EXPORTER, "postfix_relay_failures_total", cause="connect") > failures,
        )
        until(
            "the mail in the deferred queue",
            lambda: stack.value(EXPORTER, "postfix_queue_messages", queue="deferred") >= 1,
        )
        assert stack.value(EXPORTER, "postfix_queue_oldest_message_age_seconds", queue="deferred") > 0
        assert stack.find_mail(subject) is None
    stack.received(subject)
    until("an empty queue", lambda: stack.value(EXPORTER, "postfix_queue_messages", queue="deferred") == 0)
    spans = stack.trace(message_id, until_named=("postfix transmit",))
    delivers = [span for span in spans if span["name"] == "postfix deliver"]
    attempts = [span["attributes"] for span in sorted(delivers, key=lambda span: span["end_time_unix_nano"])]
    assert attempts[0]["error.type"] == "connect"
    assert attempts[0]["mail.status"] == "deferred"
    assert attempts[-1]["mail.status"] == "sent"
    assert [attempt["mail.attempt"] for attempt in attempts] == list(range(1, len(attempts) + 1))


def test_wrong_password(stack: Stack, subject: str) -> None:
    """A rejected password is counted with the cause `auth`."""
    failures = stack.value(EXPORTER, "postfix_relay_failures_total", cause="auth")
    with stack.fault("wrong_password"):
        stack.send(subject)
        until(
            "a failure with cause auth",
            lambda: stack.value(EXPORTER, "postfix_relay_failures_total", cause="auth") > failures,
        )
    stack.received(subject)


def test_mail_server_down(stack: Stack, subject: str) -> None:
    """Without its mail server the API answers 503 with Retry-After, and sends again when it is back."""
    stack.command("stop", "mail-server")
    try:
        response = stack.post({"to": RECIPIENT, "subject": subject, "body": "x"})
        assert response.status_code == 503
        assert response.json()["success"] is False
        assert int(response.headers["Retry-After"]) > 0
        assert stack.value(EXPORTER, "mail_exporter_scrape_success", part="queue") == 0
    finally:
        stack.start()
    stack.send(subject)
    stack.received(subject)
    # The exporter tries a failed part again after some seconds.
    until("the queue listed", lambda: stack.value(EXPORTER, "mail_exporter_scrape_success", part="queue") == 1)


def test_exporter_down_while_mail_flows(stack: Stack, subject: str) -> None:
    """A mail that is sent while the exporter is down has a complete trace after its start."""
    stack.command("stop", "mail-exporter")
    try:
        message_id = stack.send(subject)
        stack.received(subject)
    finally:
        stack.start()
    stack.trace(message_id, until_named=("POST /send", "postfix transmit"))


def test_log_rotation(stack: Stack, subject: str) -> None:
    """Lines before and after a rotation by `postfix logrotate` are read."""
    before = stack.send(f"{subject} before")
    stack.received(f"{subject} before")
    stack.execute("mail-server", "postfix", "logrotate")
    after = stack.send(f"{subject} after")
    for message_id in (before, after):
        stack.trace(message_id, until_named=("postfix transmit",))
