"""Delivery to the relay: certificates, ports, with and without TLS, direct delivery, and Gmail's expectations."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise, product

import pytest

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import DOMAIN, OWNER, Lab
from tests.integration.postfix.mails import mail, submit
from tests.integration.stack import until

REASONS = {
    "self_signed": "untrusted issuer|self-signed certificate",
    "expired": "certificate has expired",
    "wrong_name": "hostname mismatch|not verified",
}
NO_RELAY = dict.fromkeys(
    ("SMTP_RELAY_HOST", "SMTP_RELAY_PORT", "SMTP_RELAY_USERNAME", "SMTP_RELAY_PASSWORD", "SMTP_RELAY_CA_FILE")
)

Servers = dict[tuple[str, str], Server]


@pytest.fixture(scope="module")
def servers(lab: Lab, server: Server) -> Iterator[Servers]:
    """Return a mail server for each port of the relay and each TLS_VERIFY."""
    with ExitStack() as stack:
        found = {("587", "yes"): server}
        for port, verify in (("587", "no"), ("465", "yes"), ("465", "no")):
            variables = {"SMTP_RELAY_PORT": port, "TLS_VERIFY": verify}
            found[port, verify] = stack.enter_context(lab.server(f"to{port}verify{verify}.lab", variables=variables))
        yield found


def deliveries(server: Server, recipient: str) -> list[str]:
    """Return the log lines of attempts to deliver to a recipient."""
    return [line for line in server.log().splitlines() if f"to=<{recipient}>" in line and " status=" in line]


@pytest.mark.parametrize("verify", ["yes", "no"])
@pytest.mark.parametrize("port", ["587", "465"])
@pytest.mark.parametrize("kind", ["good", *REASONS])
def test_certificates(servers: Servers, relay: Relay, port: str, verify: str, kind: str) -> None:
    """TLS_VERIFY=yes sends only with a good certificate and logs the reason otherwise; `no` always sends."""
    server = servers[port, verify]
    recipient = f"{kind}-{port}-{verify}@example.com"
    refused = verify == "yes" and kind != "good"
    with ExitStack() as stack:
        if kind != "good":
            stack.enter_context(relay.fault("bad_certificate", kind=kind))
        submit(server, recipient, recipient=recipient)
        until("an attempt", lambda: deliveries(server, recipient))
        if refused:
            assert "status=deferred" in deliveries(server, recipient)[0]
            assert relay.mails(subject=recipient) == []
            server.wait_for_log("not verified")
            assert_reason(server, REASONS[kind])
        else:
            assert relay.received(recipient)["tls_version"].startswith("TLSv1.")
    assert relay.received(recipient)["recipients"] == [recipient], "it waited, and left when the certificate was good"


def assert_reason(server: Server, words: str) -> None:
    """Check that the log has the reason for the rejected certificate."""
    until(f"{words} in the log", lambda: any(word in server.log() for word in words.split("|")))


def test_no_starttls(server: Server, relay: Relay, subject: str) -> None:
    """A relay without STARTTLS gets neither the password nor the mail."""
    with relay.fault("no_starttls"):
        submit(server, subject, recipient="downgraded@example.com")
        server.wait_for_log("TLS is required, but was not offered by host")
        assert relay.mails(subject=subject) == []
    relay.received(subject)


def test_no_tls_on_a_joined_network(lab: Lab, subject: str) -> None:
    """USE_TLS=no sends to a container on a joined network without TLS, with a warning at start."""
    variables = NO_RELAY | {"SMTP_RELAY_HOST": "plain-relay", "SMTP_RELAY_PORT": "25", "USE_TLS": "no"}
    with lab.receiver("plain-relay") as receiver, lab.server("clear.lab", variables=variables) as server:
        submit(server, subject)
        received = receiver.received(subject)
        assert (
            "mail-server: warning: USE_TLS: no: the mail and the password go to plain-relay in the clear"
            in server.printed()
        )
    assert f"MAIL FROM:<hi@{DOMAIN}>" in received


@pytest.fixture(scope="module")
def direct(lab: Lab) -> Iterator[Server]:
    """Return a server without a relay."""
    with lab.server("direct.lab", variables=NO_RELAY) as server:
        yield server


def test_direct_delivery(lab: Lab, direct: Server, subject: str) -> None:
    """Without a relay, mail is sent to the server of the recipient's domain with its own sender."""
    with lab.receiver("example-shop.example") as receiver:
        submit(direct, subject, recipient="bob@example-shop.example")
        received = receiver.received(subject)
        direct.wait_for_log("relay=example-shop.example[", "status=sent (250 OK)")
    assert f"MAIL FROM:<hi@{DOMAIN}>" in received
    assert "Relay: (none, direct delivery by MX)" in direct.printed()


def test_direct_forward_has_srs(lab: Lab, direct: Server, subject: str) -> None:
    """A forward has an SRS sender of our domain with the writer's address; Reply-To and From stay."""
    with lab.receiver(OWNER.partition("@")[2]) as receiver:
        steps = mail(
            subject, sender="writer@stranger.example", recipient=f"hi@{DOMAIN}", head="Reply-To: me@else.example\r\n"
        )
        answers = lab.probe.talk("direct.lab", 2525, HELLO, *steps)
        assert answers[5].startswith("250"), direct.log()
        received = receiver.received(subject)
    assert "MAIL FROM:<SRS0=" in received
    assert f"=stranger.example=writer@{DOMAIN}>" in received
    assert f"RCPT TO:<{OWNER}>" in received
    assert "From: writer@stranger.example" in received
    assert "Reply-To: me@else.example" in received
    assert "X-Original-From" not in received


def test_bounce_to_srs_is_dropped(lab: Lab, direct: Server, subject: str) -> None:
    """A bounce to an SRS sender is dropped and logged."""
    steps = mail(subject, sender="", recipient=f"SRS0=HHHH=TT=stranger.example=writer@{DOMAIN}")
    assert lab.probe.talk("direct.lab", 2525, HELLO, *steps)[5].startswith("250")
    direct.wait_for_log("to=<refused-forward@discarded.invalid>", "a forward was refused")


@pytest.fixture(scope="module")
def default_timing(lab: Lab) -> Iterator[Server]:
    """Return a server with production's pauses and retry times."""
    names = ("RELAY_RATE_DELAY", "QUEUE_RUN_DELAY", "MINIMAL_BACKOFF_TIME", "MAXIMAL_BACKOFF_TIME")
    with lab.server("mannered.lab", variables=dict.fromkeys(names)) as server:
        yield server


def test_one_connection_is_used_again(default_timing: Server, relay: Relay) -> None:
    """Consecutive mails share one connection and one login, a second apart."""
    # In one go: Postfix keeps a connection open for two seconds (smtp_connection_cache_time_limit).
    submit(default_timing, *(f"one of four {number}" for number in range(4)))
    until("four mails", lambda: len(relay.mails()) == 4)
    assert len({one["session"] for one in relay.attempts()}) == 1
    assert sum(one["stage"] == "auth" for one in relay.attempts()) == 1
    until("the fourth on the connection", lambda: "conn_use=4" in default_timing.log())
    times = sorted(one["received_at"] for one in relay.mails())
    assert all(int(later[17:19]) - int(sooner[17:19]) in {1, 2, -59, -58} for sooner, later in pairwise(times))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_destination_rate_delay", "1s"),
        ("queue_run_delay", "300s"),
        ("minimal_backoff_time", "300s"),
        ("maximal_backoff_time", "3600s"),
        ("maximal_queue_lifetime", "5d"),
        ("bounce_queue_lifetime", "1d"),
        ("smtp_tls_connection_reuse", "yes"),
        ("notify_classes", ""),
    ],
)
def test_times_of_retries(default_timing: Server, name: str, value: str) -> None:
    """Deferred mail is retried every five minutes to every hour, for five days: longer than a daily quota lasts."""
    assert default_timing.run("postconf", "-x", "-h", name).strip() == value


@pytest.mark.parametrize(
    ("fault", "logged"),
    [
        pytest.param("limit_reached", "dsn=4.4.5, status=deferred", id="daily limit 550 5.4.5"),
        pytest.param("rate_limited", "dsn=4.7.28, status=deferred", id="too fast 421 4.7.28"),
        pytest.param("too_many_logins", "dsn=4.7.0, status=deferred", id="too many logins 454 4.7.0"),
        pytest.param("try_again_later", "status=deferred", id="try again later 421 4.7.0"),
        pytest.param("wrong_password", "dsn=4.7.8, status=deferred", id="wrong password 535 5.7.8"),
        pytest.param("app_password_required", "status=deferred", id="app password 534 5.7.9"),
        pytest.param("temporary_problem", "dsn=4.3.0, status=deferred", id="temporary 451 4.3.0"),
        pytest.param("drop_at_data", "status=deferred", id="connection cut"),
        pytest.param("refuse_connection", "dsn=4.4.1, status=deferred", id="connection refused"),
    ],
)
def test_temporary_failures(server: Server, relay: Relay, fault: str, logged: str) -> None:
    """A temporary failure defers the mail, which is retried, and sent once when the failure is over."""
    subject, recipient = f"waits {fault}", f"{fault}@example.com"
    with relay.fault(fault):
        submit(server, subject, recipient=recipient)
        server.until("a deferral", lambda: any(logged in line for line in deliveries(server, recipient)))
        server.until("a second try", lambda: len(deliveries(server, recipient)) >= 2)
        assert server.queue() != []
    server.until("the mail at the relay", lambda: relay.mails(subject=subject))
    server.until("an empty queue", lambda: not server.queue())
    assert len(relay.mails(subject=subject)) == 1
    assert "sender non-delivery notification" not in "".join(deliveries(server, recipient))


def test_bounce_reaches_the_owner(server: Server, relay: Relay, subject: str) -> None:
    """The bounce of a mail of ours is delivered to FORWARD_EMAIL, with the relay's reply."""
    with relay.fault("unknown_recipient", recipient="nobody@example.com"):
        submit(server, subject, recipient="nobody@example.com")
        bounce = relay.received("Undelivered Mail Returned to Sender")
    assert bounce["recipients"] == [OWNER]
    assert bounce["sender"] == ""
    assert "p=NoSuchUser" in bounce["text"]
    assert "status=bounced" in deliveries(server, "nobody@example.com")[0]


def test_bounce_to_outside_is_dropped(server: Server, relay: Relay, subject: str) -> None:
    """A bounce to an address outside is dropped: it would be backscatter, and use the quota."""
    with relay.fault("unknown_recipient", recipient="nobody2@example.com"):
        submit(server, subject, sender="visitor@stranger.example", recipient="nobody2@example.com")
        server.wait_for_log("to=<bounce-to-stranger@discarded.invalid>, orig_to=<visitor@stranger.example>")
    until("an empty queue", lambda: not server.queue())
    assert relay.mails() == []


@pytest.mark.parametrize(("port", "verify"), list(product(["587", "465"], ["yes", "no"])))
def test_log_names_the_encryption(servers: Servers, port: str, verify: str) -> None:
    """The log names for each connection whether the relay's certificate was verified."""
    wanted = "Verified" if verify == "yes" else "Trusted"
    servers[port, verify].wait_for_log(f"{wanted} TLS connection established to relay.lab[", f"]:{port}: TLSv1.3")
