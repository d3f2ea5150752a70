"""Causes of delivery failures, from the replies of relays and texts of Postfix."""

import pytest

from mail_telemetry.causes import EXPLANATIONS, Cause, classify

SAID = "host smtp.gmail.com[1.2.3.4] said: "
SASL = "SASL authentication failed; server smtp.gmail.com[1.2.3.4] said: "


@pytest.mark.parametrize(
    ("text", "dsn", "expected"),
    [
        pytest.param(
            SASL + "535-5.7.8 Username and Password not accepted."
            " For more information, go to?535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
            "4.7.8",
            Cause.AUTH,
            id="wrong password, softened by Postfix",
        ),
        pytest.param(
            SASL + "534-5.7.9 Application-specific password required.",
            "4.7.9",
            Cause.AUTH,
            id="app password required",
        ),
        pytest.param(
            SASL + "454 4.7.0 Too many login attempts, please try again later.",
            "4.7.0",
            Cause.AUTH_RATE,
            id="too many logins",
        ),
        pytest.param(
            SAID + "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail 550-5.4.5",
            "4.4.5",
            Cause.QUOTA,
            id="daily limit",
        ),
        pytest.param(
            SAID + "421-4.7.28 Gmail has detected an unusual rate of mail. To protect 421 4.7.28  our users",
            "4.7.28",
            Cause.RATE,
            id="unusual rate",
        ),
        pytest.param(
            "host smtp.gmail.com[1.2.3.4] refused to talk to me: 421 4.7.0 Try again later, closing connection.",
            "4.7.0",
            Cause.RATE,
            id="try again later",
        ),
        pytest.param("TLS is required, but was not offered by host x[1.2.3.4]", "4.7.4", Cause.TLS, id="no STARTTLS"),
        pytest.param("Server certificate not trusted", "4.7.5", Cause.TLS, id="untrusted certificate"),
        pytest.param(
            "Host or domain name not found. Name service error for name=no-such-host.invalid type=A: Host not found",
            "4.4.3",
            Cause.DNS,
            id="unknown host",
        ),
        pytest.param("connect to 1.2.3.4[1.2.3.4]:587: Connection refused", "4.4.1", Cause.CONNECT, id="refused"),
        pytest.param("connect to 1.2.3.4[1.2.3.4]:587: Connection timed out", "4.4.1", Cause.TIMEOUT, id="timed out"),
        pytest.param(
            "lost connection with x[1.2.3.4] while performing the EHLO handshake", "4.4.2", Cause.CONNECT, id="lost"
        ),
        pytest.param(
            "conversation with x[1.2.3.4] timed out while sending message body", "4.4.2", Cause.TIMEOUT, id="slow"
        ),
        pytest.param(
            SAID + "550-5.1.1 The email account that you tried to reach does not exist.",
            "5.1.1",
            Cause.RECIPIENT,
            id="no such account",
        ),
        pytest.param(SAID + "550 5.2.1 something new", "5.2.1", Cause.RECIPIENT, id="by code alone"),
        pytest.param(
            SAID + "550-5.7.26 This mail has been blocked because the sender is unauthenticated. SPF did not pass",
            "5.7.26",
            Cause.SENDER_POLICY,
            id="SPF",
        ),
        pytest.param(SAID + "552-5.7.0 illegal attachment", "5.7.0", Cause.CONTENT, id="attachment"),
        pytest.param(SAID + "552 5.3.4 message exceeds size limit", "5.3.4", Cause.SIZE, id="too large"),
        pytest.param(SAID + "451 4.7.1 Greylisted, please try again", "4.7.1", Cause.GREYLIST, id="greylisted"),
        pytest.param(SAID + "554 5.4.6 Too many hops", "5.4.6", Cause.LOOP, id="loop"),
        *(
            pytest.param(SAID + text, dsn, cause, id=text[:40])
            for text, dsn, cause in (
                ("530-5.5.1 Authentication Required. p=WantAuthError", "5.5.1", Cause.AUTH),
                ("530 5.7.0 Must issue a STARTTLS command first.", "5.7.0", Cause.TLS),
                ("534-5.7.9 Please log in with your web browser p=WebLoginRequired", "5.7.9", Cause.AUTH),
                ("550 5.4.5 Daily user sending quota exceeded.", "5.4.5", Cause.QUOTA),
                ("550 5.7.1 Daily SMTP relay limit exceeded for customer.", "5.7.1", Cause.QUOTA),
                ("450 4.2.1 Peak SMTP relay limit exceeded for customer.", "4.2.1", Cause.RATE),
                ("450-4.2.1 The user you are trying to contact is receiving mail too quickly", "4.2.1", Cause.RATE),
                ("421 4.3.0 Temporary System Problem. Try again later.", "4.3.0", Cause.RATE),
                ("451-4.3.0 Mail server temporarily rejected message.", "4.3.0", Cause.RATE),
                ("421 4.4.5 Server busy, try again later.", "4.4.5", Cause.RATE),
                ("553-5.1.2 We weren't able to find the recipient domain.", "5.1.2", Cause.RECIPIENT),
                ("452-4.2.2 The email account that you tried to reach is over quota.", "4.2.2", Cause.RECIPIENT),
                ("552 5.2.2 The recipient's inbox is out of storage space.", "5.2.2", Cause.RECIPIENT),
                ("452-4.5.3 Your message has too many recipients.", "4.5.3", Cause.RECIPIENT),
                ("421-4.7.26 rate limited because it is unauthenticated.", "4.7.26", Cause.SENDER_POLICY),
                ("421-4.7.29 rate limited: not sent over TLS", "4.7.29", Cause.SENDER_POLICY),
                ("550-5.7.25 The IP address does not have a PTR record", "5.7.25", Cause.SENDER_POLICY),
                ("550-5.7.1 a policy that prohibited the mail that you sent.", "5.7.1", Cause.SENDER_POLICY),
                ("503 5.7.0 No identity changes permitted.", "5.7.0", Cause.SENDER_POLICY),
                ("550 5.7.0 Mail relay denied", "5.7.0", Cause.SENDER_POLICY),
                ("550-5.7.1 Messages missing a valid Message-ID header", "5.7.1", Cause.CONTENT),
                ("550-5.7.1 this message is likely unsolicited mail.", "5.7.1", Cause.CONTENT),
                ("552 5.2.3 Your message exceeded Google's message size limits.", "5.2.3", Cause.SIZE),
            )
        ),
        pytest.param(
            SASL + "454 4.7.0 Cannot authenticate due to a temporary system problem.", "4.7.0", Cause.RATE, id="454"
        ),
        pytest.param("SASL [CACHED] authentication failed; server x said: 535 5.7.8", "4.7.8", Cause.AUTH, id="cached"),
        pytest.param("host x refused to talk to me: 554 5.3.2 no service", "5.3.2", Cause.CONNECT, id="not talking"),
        pytest.param("Domain x does not accept mail (nullMX)", "5.1.0", Cause.DNS, id="null MX"),
        pytest.param("unable to look up host x: Temporary failure", "4.3.0", Cause.DNS, id="look-up"),
        pytest.param("mail transport unavailable", "4.3.0", Cause.OTHER, id="nothing that a relay said"),
        pytest.param("an unknown text", "5.9.9", Cause.OTHER, id="unknown"),
    ],
)
def test_classify(text: str, dsn: str, expected: Cause) -> None:
    """The text of the reply decides; the enhanced status code where the text is unknown."""
    assert expected == classify(text, dsn)


def test_every_cause_is_explained() -> None:
    """Each cause has a meaning and a next step."""
    assert set(Cause) == set(EXPLANATIONS)
    assert all(item.meaning and item.next_step for item in EXPLANATIONS.values())
