"""Forwarding: mail for MAIL_DOMAIN is delivered to FORWARD_EMAIL, without backscatter or forged headers."""

from collections.abc import Iterator

import pytest

from mail_exporter.events import ForwardCounted
from mail_exporter.parse import smtpd
from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import DOMAIN, HOSTNAME, OWNER, Lab
from tests.integration.postfix.mails import mail
from tests.integration.stack import until

WRITER = "writer@stranger.example"


def test_any_address_is_forwarded(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """Mail from outside to any address of MAIL_DOMAIN is forwarded to FORWARD_EMAIL with our sender; Reply-To stays."""
    steps = mail(subject, sender=WRITER, recipient=f"whatever@{DOMAIN}", head="Reply-To: me@else.example\r\n")
    lab.probe.talk("mail.lab", 2525, HELLO, *steps)
    received = relay.received(subject)
    headers = dict(received["headers"])
    assert received["recipients"] == [OWNER]
    assert received["sender"] == f"forwarded@{DOMAIN}"
    assert headers["Reply-To"] == "me@else.example"
    assert headers["X-Original-From"] == WRITER
    assert headers["X-Loop"] == HOSTNAME
    server.wait_for_log(f"orig_to=<whatever@{DOMAIN}>, relay=")


def test_forged_original_from_is_replaced(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """A given X-Original-From is replaced by one with the address in From."""
    steps = mail(subject, sender=WRITER, recipient=f"hi@{DOMAIN}", head="X-Original-From: bank@trusted.example\r\n")
    lab.probe.talk("mail.lab", 2525, HELLO, *steps)
    received = relay.received(subject)
    assert [value for name, value in received["headers"] if name == "X-Original-From"] == [WRITER]
    assert received["message_id"] in server.log()


def test_original_from_after_the_relay_replaced_from(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """When the relay replaces From by its account, X-Original-From still has the writer's address."""
    lab.probe.talk("mail.lab", 2525, HELLO, *mail(subject, sender=WRITER, recipient=f"hi@{DOMAIN}"))
    received = relay.received(subject)
    delivered = dict(received["delivered_headers"])
    assert delivered["From"] == "sandbox@gmail.example"
    assert delivered["X-Original-From"] == WRITER
    assert received["message_id"] in server.log()


def test_forwarding_loop_is_rejected(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """A forwarded mail that comes back is rejected, and not forwarded again."""
    lab.probe.talk("mail.lab", 2525, HELLO, *mail(subject, sender=WRITER, recipient=f"hi@{DOMAIN}"))
    forwarded = relay.raw(relay.received(subject)).decode()
    steps = (f"MAIL FROM:<forwarded@{DOMAIN}>", f"RCPT TO:<hi@{DOMAIN}>", "DATA", f"{forwarded}\r\n.\r\n")
    answers = lab.probe.talk("mail.lab", 2525, HELLO, *steps)
    assert answers[5].startswith("550 5.4.6 This mail has been forwarded here before")
    server.wait_for_log(f"reject: header X-Loop: {HOSTNAME}")
    assert len(relay.mails(subject=subject)) == 1


@pytest.mark.parametrize("fault", ["unknown_recipient", "content", "too_large"])
def test_refused_forward_is_not_bounced(lab: Lab, server: Server, relay: Relay, subject: str, fault: str) -> None:
    """A forward that the relay rejects is logged, and no bounce is sent to the writer, whose address may be forged."""
    with relay.fault(fault):
        lab.probe.talk("mail.lab", 2525, HELLO, *mail(subject, sender=WRITER, recipient=f"{fault}@{DOMAIN}"))
        log = server.wait_for_log(f"orig_to=<{fault}@{DOMAIN}>")
        until("an empty queue", lambda: not server.queue())
    assert any("status=bounced" in line for line in log.splitlines() if f"orig_to=<{fault}@{DOMAIN}>" in line)
    server.wait_for_log(f"to=<refused-forward@discarded.invalid>, orig_to=<forwarded@{DOMAIN}>")
    assert relay.mails() == []


def test_no_delivery_notice_to_outside_senders(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """No delivery notice is sent to a sender outside, whose address may be forged."""
    envelope, _, *rest = mail(subject, sender="victim@stranger.example", recipient=f"hi@{DOMAIN}")
    lab.probe.talk("mail.lab", 2525, HELLO, envelope, f"RCPT TO:<hi@{DOMAIN}> NOTIFY=SUCCESS,DELAY,FAILURE", *rest)
    relay.received(subject)
    until("an empty queue", lambda: not server.queue())
    assert [one["recipients"] for one in relay.mails()] == [[OWNER]]


@pytest.fixture(scope="module")
def limited(lab: Lab) -> Iterator[Server]:
    """Return a server that forwards two addresses to two owners, with a limit of five recipients a day."""
    variables = {
        "FORWARD_EMAIL": f"{OWNER}, second@inbox.example",
        "FORWARD_RECIPIENTS": "hi, info",
        "FORWARD_DAILY_LIMIT": "5",
    }
    with lab.server("limited.lab", variables=variables) as server:
        yield server


def test_several_owners(lab: Lab, limited: Server, relay: Relay, subject: str) -> None:
    """A mail is forwarded to every address in FORWARD_EMAIL."""
    lab.probe.talk("limited.lab", 2525, HELLO, *mail(subject, sender=WRITER, recipient=f"Hi@{DOMAIN}"))
    assert sorted(relay.received(subject)["recipients"]) == [OWNER, "second@inbox.example"]
    assert "second@inbox.example" in limited.wait_for_log(f"orig_to=<Hi@{DOMAIN}>")


def test_only_some_recipients(lab: Lab, limited: Server) -> None:
    """An address that is not in FORWARD_RECIPIENTS is rejected at RCPT; postmaster is always accepted."""
    for recipient, answer in ((f"other@{DOMAIN}", "550 5.1.1"), (f"postmaster@{DOMAIN}", "250 2.1.5")):
        answers = lab.probe.talk("limited.lab", 2525, HELLO, f"MAIL FROM:<{WRITER}>", f"RCPT TO:<{recipient}>")
        assert answers[3].startswith(answer)
    limited.wait_for_log(f"<other@{DOMAIN}>: Recipient address rejected: User unknown")


def test_rcpt_alone_uses_nothing(lab: Lab, limited: Server) -> None:
    """Recipients without a mail do not count: more of them than the limit are accepted."""
    envelope = (f"MAIL FROM:<{WRITER}>", *[f"RCPT TO:<info@{DOMAIN}>"] * 7)
    answers = lab.probe.talk("limited.lab", 2525, HELLO, *envelope)
    assert [answer[:3] for answer in answers[3:10]] == ["250"] * 7
    assert "The daily limit of forwarded mail is reached" not in limited.log()


def test_daily_limit(lab: Lab, limited: Server, relay: Relay, subject: str) -> None:
    """Above FORWARD_DAILY_LIMIT the public port replies 450, also after a restart; mail from inside is accepted."""
    steps = mail("until the limit", sender=WRITER, recipient=f"info@{DOMAIN}")
    until(
        "the limit",
        lambda: lab.probe.talk("limited.lab", 2525, HELLO, *steps)[3].startswith("450 4.7.1") or None,
    )
    log = limited.wait_for_log("The daily limit of forwarded mail is reached, try again later")
    assert ": forward limit: 2 counted, 4 of 5 in 24 h, no share for a joined network; " in log
    noted = [line.partition("]: ")[2] for line in log.splitlines() if "forward limit: " in line]
    assert [smtpd.parse(text) for text in noted] == [ForwardCounted(2)] * 2
    limited.container.restart()
    limited.wait_until_started(2)
    assert lab.probe.talk("limited.lab", 2525, HELLO, *steps)[3].startswith("450 4.7.1 ")
    lab.probe.talk("limited.lab", 25, HELLO, *mail(subject, sender=f"shop@{DOMAIN}", recipient=f"info@{DOMAIN}"))
    relay.received(subject)


# An SMTP client with a given source address, in perl: the image has no SMTP client that can set it.
TALK = r"""
use IO::Socket::INET;
my ( $from, @commands ) = @ARGV;
my $socket = IO::Socket::INET->new( PeerAddr => "127.0.0.1:2525", LocalAddr => $from, Timeout => 10 ) or die $@;
for my $command ( undef, @commands ) {
    print {$socket} "$command\r\n" if defined $command;
    do { $_ = <$socket> } while /^\d{3}-/;
    print;
}
"""


def test_share_of_a_client(lab: Lab) -> None:
    """One address uses up its share, and mail from another one is still accepted."""
    steps = (f"MAIL FROM:<{WRITER}>", f"RCPT TO:<hi@{DOMAIN}>", "DATA", "Subject: share\r\n\r\nhello\r\n.")

    def send(server: Server, client: str) -> str:
        talked = server.run("perl", "-e", TALK, client, "EHLO a.example", *steps)
        return talked.splitlines()[3][:9]

    with lab.server("share.lab", variables={"FORWARD_DAILY_LIMIT": "8"}) as server:
        assert [send(server, "127.0.0.1") for _ in range(3)] == ["250 2.1.5", "250 2.1.5", "450 4.7.1"]
        assert send(server, "127.0.0.2") == "250 2.1.5"
        log = server.wait_for_log("The daily limit of forwarded mail is reached for your address, try again later")
        assert ": forward limit: 1 counted, 2 of 8 in 24 h, 2 of 2 by this client; " in log


def ask(server: Server, *requests: str) -> list[str]:
    """Return the answers of the service behind the limit (SMTPD_POLICY_README)."""
    lines = "\n\n".join(request.replace(" ", "\n") for request in requests)
    script = f"printf '%s\n\n' '{lines}' | /usr/local/lib/mail-server/forward-limit"
    return [line.removeprefix("action=") for line in server.run("sh", "-c", script).splitlines() if line]


def test_forward_limit_service(lab: Lab) -> None:
    """IPv6 clients are one by /64, addresses of joined networks have no share, and lines of an old record count."""
    settings = "limit 10\nweight 2\nshare 4\njoined_networks 172.30.0.0/16 fd00:1::/64"
    end = "protocol_state=END-OF-MESSAGE recipient_count=1 client_address="
    with lab.tool({}) as tool:
        tool.run("sh", "-c", f"mkdir -p /var/lib/postfix/forwarding; printf '{settings}\n' >/etc/postfix/forward_limit")
        tool.run(
            "sh", "-c", "date +%s >/var/lib/postfix/forwarding/record; echo 1 >>/var/lib/postfix/forwarding/record"
        )
        answers = ask(
            tool,
            "protocol_state=RCPT client_address=2001:db8::1",
            f"{end}2001:db8::1",
            f"{end}2001:db8::ffff:2",
            f"{end}2001:db8:0:0:3::3",
            f"{end}2001:db8:0:1::1",
            f"{end}fd00:1::1",
            f"{end}172.30.0.1",
        )
    assert answers[:3] == [
        "DUNNO",
        "INFO forward limit: 2 counted, 3 of 10 in 24 h, 2 of 4 by this client",
        "INFO forward limit: 2 counted, 5 of 10 in 24 h, 4 of 4 by this client",
    ]
    assert answers[3].startswith("450 4.7.1 The daily limit of forwarded mail is reached for your address")
    assert answers[4:6] == [
        "INFO forward limit: 2 counted, 7 of 10 in 24 h, 2 of 4 by this client",
        "INFO forward limit: 2 counted, 9 of 10 in 24 h, no share for a joined network",
    ]
    assert answers[6] == "450 4.7.1 The daily limit of forwarded mail is reached, try again later"


@pytest.fixture(scope="module")
def closed(lab: Lab) -> Iterator[Server]:
    """Return a server without FORWARD_EMAIL and without an account."""
    variables = dict.fromkeys(("FORWARD_EMAIL", "MAIL_USER", "MAIL_PASSWORD"))
    with lab.server("closed.lab", variables=variables) as server:
        yield server


@pytest.mark.parametrize("recipient", [f"hi@{DOMAIN}", f"postmaster@{DOMAIN}", f"root@{HOSTNAME}"])
def test_without_an_owner(lab: Lab, closed: Server, recipient: str) -> None:
    """Without FORWARD_EMAIL the public port rejects at RCPT, and the start logs a warning."""
    answers = lab.probe.talk("closed.lab", 2525, HELLO, f"MAIL FROM:<{WRITER}>", f"RCPT TO:<{recipient}>")
    assert answers[3][:3] in {"554", "550"}
    assert "mail-server: warning: FORWARD_EMAIL: not set: mail for MAIL_DOMAIN is rejected" in closed.printed()


def test_system_mail_without_an_owner(lab: Lab, closed: Server) -> None:
    """Without FORWARD_EMAIL the monitoring's mail is rejected at RCPT."""
    envelope = ("MAIL FROM:<alerts@dinky.local>", "RCPT TO:<admin@dinky.local>")
    assert lab.probe.talk("closed.lab", 25, HELLO, *envelope)[3].startswith("550 5.1.1")
    closed.wait_for_log("<admin@dinky.local>: Recipient address rejected")


def test_submission_without_an_account(closed: Server) -> None:
    """Without MAIL_USER the submission port offers no AUTH and accepts no mail."""
    answers = closed.talk(
        587, HELLO, "STARTTLS", HELLO, "AUTH PLAIN AGEAYg==", f"MAIL FROM:<hi@{DOMAIN}>", "RCPT TO:<a@b.example>"
    )
    assert "AUTH" not in answers[3]
    assert answers[4].startswith("503 5.5.1 Error: authentication not enabled")
    assert answers[6].startswith("554 5.7.1")
