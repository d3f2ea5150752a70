"""SMTP_RELAY_SENDER: bounces and forwards reach the owner through a relay that accepts its own sender only."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import DOMAIN, OWNER, Lab
from tests.integration.postfix.mails import mail, submit

SENDER: Final = f"bounces@{DOMAIN}"
WRITER: Final = "writer@stranger.example"
REFUSED: Final = "554 5.7.1 Message rejected as spam"


@pytest.fixture(scope="module")
def strict(lab: Lab) -> Iterator[Server]:
    """Return a server with an envelope sender of its own for bounces and forwards."""
    with lab.server("strict.lab", variables={"SMTP_RELAY_SENDER": SENDER}) as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        pytest.param("null_sender_refused", {}, id="no null sender"),
        pytest.param("sender_not_owned", {"sender": SENDER}, id="own sender only"),
    ],
)
def test_null_sender_is_rewritten(  # noqa: PLR0913, PLR0917 - fixtures and parameters
    lab: Lab, strict: Server, relay: Relay, subject: str, fault: str, parameters: dict[str, str]
) -> None:
    """Mail of a container without a sender leaves with SMTP_RELAY_SENDER on the wire."""
    with relay.fault(fault, **parameters):
        lab.probe.talk("strict.lab", 25, HELLO, *mail(subject, sender="", recipient=OWNER))
        received = relay.received(subject)
    assert (SENDER, [OWNER]) == (received["sender"], received["recipients"])
    strict.wait_for_log("from=<>", "from=<null-sender@discarded.invalid>")


@pytest.mark.parametrize("writer", [WRITER, ""], ids=["a writer", "null sender"])
def test_forward_has_the_sender(lab: Lab, strict: Server, relay: Relay, subject: str, writer: str) -> None:
    """A forward leaves with SMTP_RELAY_SENDER, also of mail that came without a sender."""
    with relay.fault("sender_not_owned", sender=SENDER):
        lab.probe.talk("strict.lab", 2525, HELLO, *mail(subject, sender=writer, recipient=f"hi@{DOMAIN}"))
        received = relay.received(subject)
    assert (SENDER, [OWNER]) == (received["sender"], received["recipients"])
    assert received["message_id"] in strict.log()


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    "author",
    [
        pytest.param(WRITER, id="address"),
        pytest.param(f'"Lee, Anna" <{WRITER}>', id="name"),
        pytest.param(f"=?UTF-8?Q?J=C3=BCrgen?=\r\n <{WRITER}>", id="folded"),
        pytest.param(f'"hi@{DOMAIN}" <{WRITER}>', id="own address as name"),
    ],
)
def test_forward_has_an_own_author(lab: Lab, relay: Relay, subject: str, author: str) -> None:
    """A relay that accepts its own addresses in From only gets DEFAULT_FROM; another header has the author."""
    _, _, data, _ = mail(subject, sender=WRITER, recipient=f"hi@{DOMAIN}")
    text = f"From: {author}\r\nSubject: {subject}\r\n\r\nhello\r\n.\r\n"
    lab.probe.talk("strict.lab", 2525, HELLO, f"MAIL FROM:<{WRITER}>", f"RCPT TO:<hi@{DOMAIN}>", data, text)
    headers = dict(relay.received(subject)["headers"])
    assert headers["From"] == f'"writer at stranger.example" <hi@{DOMAIN}>'
    assert WRITER in headers["X-Original-From"]


def test_own_author_stays(strict: Server, relay: Relay, subject: str) -> None:
    """From with an address of our own is not changed."""
    submit(strict, subject)
    assert dict(relay.received(subject)["headers"])["From"] == f"hi@{DOMAIN}"


def test_bounce_reaches_the_owner(strict: Server, relay: Relay, subject: str) -> None:
    """A bounce of our own mail reaches the owner through a relay that refuses the null sender."""
    with relay.fault("null_sender_refused"), relay.fault("unknown_recipient", recipient="nobody@example.com"):
        submit(strict, subject, recipient="nobody@example.com")
        bounce = relay.received("Undelivered Mail Returned to Sender")
    assert (SENDER, [OWNER]) == (bounce["sender"], bounce["recipients"])
    assert dict(bounce["headers"])["From"].endswith(f"<hi@{DOMAIN}>")


def test_no_loop(lab: Lab, strict: Server, relay: Relay, subject: str) -> None:
    """A refused bounce makes no other bounce, and what returns to SMTP_RELAY_SENDER is discarded."""
    with relay.fault("custom_reply", at="end", text=REFUSED):
        submit(strict, subject, recipient="spam@example.com")
        strict.wait_for_log("to=<null-sender@discarded.invalid>", "a bounce was refused; it is discarded")
        strict.until("an empty queue", lambda: not strict.queue())
        lab.probe.talk("strict.lab", 2525, HELLO, *mail(f"returned {subject}", sender="", recipient=SENDER))
        strict.wait_for_log(f"to=<returned-mail@discarded.invalid>, orig_to=<{SENDER}>, relay=none")
        strict.until("an empty queue", lambda: not strict.queue())
    assert relay.mails() == []
    refused = [one for one in relay.attempts() if one["reply"].startswith("554")]
    assert len(refused) == 2, "the mail and its bounce"


def test_without_the_setting(server: Server) -> None:
    """Without SMTP_RELAY_SENDER, the null sender leaves as it is, directly."""
    assert server.run("postconf", "-xh", "sender_dependent_default_transport_maps").strip() == ""
