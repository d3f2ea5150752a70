"""Mail waits at the relay for what the operator can repair; mail with a problem of its own is returned."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dev.delivery_filter import TABLE, waits
from mail_telemetry.cause_rules import built_in_classifier, load_rules
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import Lab
from tests.integration.postfix.mails import submit
from tests.integration.postfix.test_relay import NO_RELAY, deliveries

REPLIES: Final = Path(__file__).resolve().parents[2] / "golden/replies.tsv"
STRANGER: Final = "stranger.example"
NO_ACCOUNT: Final = {"SMTP_RELAY_USERNAME": None, "SMTP_RELAY_PASSWORD": None}


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        pytest.param("mail", "530 Authentication required", id="no login"),
        pytest.param("mail", "530 5.7.0 Must issue a STARTTLS command first", id="no TLS"),
        pytest.param("mail", "535 5.7.8 Incorrect username or password", id="wrong password"),
        pytest.param("mail", "550 5.7.0 From address is not one of your addresses.", id="sender at MAIL"),
        pytest.param("rcpt", "553 5.7.1 <hi@shop.example>: Sender address rejected: not owned by user", id="at RCPT"),
        pytest.param(
            "end", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", id="at the end"
        ),
        pytest.param("end", "554 Message rejected: Email address is not verified.", id="not verified"),
        pytest.param("end", "502 5.7.0 Your SMTP account is not yet activated.", id="account not active"),
        pytest.param("mail", "550 5.7.1 Your account has been disabled", id="account disabled"),
        pytest.param("end", "550 5.7.26 This mail is unauthenticated: SPF did not pass", id="SPF"),
        pytest.param("end", "550 5.7.1 Daily SMTP relay limit exceeded for customer.", id="daily limit"),
    ],
)
def test_mail_waits(server: Server, relay: Relay, subject: str, stage: str, reply: str) -> None:
    """The permanent reply of the relay defers the mail; it leaves once when the problem is gone."""
    recipient = f"waits{abs(hash(reply))}@example.com"
    with relay.fault("custom_reply", at=stage, text=reply):
        submit(server, subject, recipient=recipient)
        server.until("a deferral", lambda: any("status=deferred" in one for one in deliveries(server, recipient)))
        assert reply.rpartition(">: ")[2] in deliveries(server, recipient)[0]
        assert ", dsn=4." in deliveries(server, recipient)[0]
    relay.received(subject)
    server.until("an empty queue", lambda: not server.queue())
    assert len(relay.mails(subject=subject)) == 1


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        pytest.param("rcpt", "550 5.1.1 No such user here", id="no such recipient"),
        pytest.param("rcpt", "550 5.7.133 SMTP; sender not authenticated for group", id="recipient restricts senders"),
        pytest.param("rcpt", "552 5.2.2 Mailbox full", id="mailbox full"),
        pytest.param("end", "554 5.7.1 Message rejected as spam", id="spam"),
        pytest.param("end", "552 5.3.4 Message size exceeds fixed limit", id="size"),
        pytest.param("end", "554 5.0.0 Transaction failed", id="no reason"),
    ],
)
def test_mail_is_returned(server: Server, relay: Relay, subject: str, stage: str, reply: str) -> None:
    """A problem of the recipient or content is reported to the sender at once."""
    recipient = f"returned{abs(hash(reply))}@example.com"
    with relay.fault("custom_reply", at=stage, text=reply, count=1):
        submit(server, subject, recipient=recipient)
        server.until("an attempt", lambda: deliveries(server, recipient))
    assert "status=bounced" in deliveries(server, recipient)[0]
    assert reply in " ".join(relay.received("Undelivered Mail Returned to Sender")["text"].split())


def test_table_agrees_with_the_causes(server: Server) -> None:
    """For every known permanent reply, the table of Postfix decides as the rules of causes do."""
    waiting = {rule.name for rule in load_rules() if waits(rule)}
    expected = {}
    for line in REPLIES.read_text().splitlines()[1:]:
        _, dsn, _, text = line.split("\t")
        if dsn.startswith("5"):
            expected[f"{dsn} {text}"] = built_in_classifier().diagnose(text, dsn).rule in waiting
    script = f'printf "%s\\n" "$@" | postmap -q - pcre:/etc/postfix/{TABLE.name}'
    found = server.run("sh", "-c", script, "sh", *expected)
    deferred = {key: value.startswith("4") for key, _, value in (row.partition("\t") for row in found.splitlines())}
    assert expected == {key: deferred.get(key, False) for key in expected}
    assert len(expected) > 30


def test_account_is_set_later(lab: Lab, relay: Relay, subject: str) -> None:
    """Without an account the relay answers 530: mail waits, and leaves after a restart with the account."""
    with lab.volume("account") as spool:
        volumes = {spool: "/var/spool/postfix"}
        with lab.server("account.lab", variables=NO_ACCOUNT, volumes=volumes) as server:
            submit(server, subject)
            server.wait_for_log("said: 530-5.7.0 Authentication Required", "status=deferred")
            assert relay.mails(subject=subject) == []
        with lab.server("account.lab", volumes=volumes):
            relay.received(subject)


def test_logins_are_limited(lab: Lab, relay: Relay) -> None:
    """While the relay rejects the password, waiting mails do not try it one by one."""
    variables = {"MINIMAL_BACKOFF_TIME": "300s", "MAXIMAL_BACKOFF_TIME": "300s"}
    with lab.server("patient.lab", variables=variables) as server:
        with relay.fault("refuse_connection"):
            for number in range(6):
                submit(server, f"one of six {number}")
            server.until("six waiting mails", lambda: reasons(server, "refused") == 6)
        # Postfix begins with two of them at the same time, and keeps the others when both logins are rejected.
        with relay.fault("wrong_password"):
            server.run("postqueue", "-f")
            server.until("six mails with the reason", lambda: reasons(server, "SASL authentication failed") == 6)
            logins = [one for one in relay.attempts() if one["stage"] == "auth" and one["reply"].startswith("535")]
            assert 1 <= len({one["session"] for one in logins}) <= 2


def reasons(server: Server, text: str) -> int:
    """Return how many mails wait for a reason with that text."""
    recipients = [one for mail in server.queue() if mail["queue_name"] == "deferred" for one in mail["recipients"]]
    return sum(text in one.get("delay_reason", "") for one in recipients)


@pytest.fixture(scope="module")
def stranger(lab: Lab) -> Iterator[Relay]:
    """Return another domain's mail server at port 25, with the faults of the sandbox."""
    with lab.sandbox(STRANGER, SANDBOX_SUBMISSION_PORT="25") as found:
        yield found


@pytest.fixture(scope="module")
def direct(lab: Lab) -> Iterator[Server]:
    """Return a server without a relay."""
    with lab.server("direct2.lab", variables=NO_RELAY) as server:
        yield server


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("550 5.7.26 This mail is unauthenticated: SPF did not pass", id="SPF"),
        pytest.param("530 5.7.0 Authentication required", id="login"),
        pytest.param("550 5.7.1 Relaying denied", id="relaying"),
        pytest.param("550 5.4.5 Daily sending limit exceeded", id="limit"),
    ],
)
def test_direct_delivery_does_not_wait(stranger: Relay, direct: Server, reply: str, subject: str) -> None:
    """Without a relay, mail is returned for a permanent reply of another server."""
    recipient = f"bob{abs(hash(reply))}@{STRANGER}"
    with stranger.fault("no_login"), stranger.fault("custom_reply", at="mail", text=reply):
        submit(direct, subject, recipient=recipient)
        direct.until("an attempt", lambda: deliveries(direct, recipient))
    (attempt,) = deliveries(direct, recipient)
    assert "status=bounced" in attempt
    assert reply in attempt
