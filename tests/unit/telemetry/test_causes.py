"""Why a mail was not taken, told from the words that relays and Postfix use."""

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
        pytest.param("something nobody has said before", "5.9.9", Cause.OTHER, id="unknown"),
    ],
)
def test_classify(text: str, dsn: str, expected: Cause) -> None:
    """The reply's words decide, and the code where the words are unknown."""
    assert expected == classify(text, dsn)


def test_every_cause_is_explained() -> None:
    """Each cause has a meaning, a verdict on retries and a next step."""
    assert set(Cause) == set(EXPLANATIONS)
    assert all(item.meaning and item.next_step for item in EXPLANATIONS.values())
