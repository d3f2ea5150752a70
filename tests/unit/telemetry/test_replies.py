"""A relay's reply without the text that Postfix adds."""

import pytest

from mail_telemetry.replies import Reply, Stage, is_possible_duplicate, read_reply


@pytest.mark.parametrize(
    ("text", "dsn", "expected"),
    [
        pytest.param(
            "host mx.example.net[192.0.2.1] said: 550-5.1.1 No such 550 5.1.1 user <a@example.com>"
            " (in reply to RCPT TO command)",
            "5.1.1",
            Reply(Stage.RCPT_TO, "550", "5.1.1", "no such user"),
            id="two lines",
        ),
        pytest.param(
            "SASL authentication failed; server smtp.gmail.com[192.0.2.1] said: 535-5.7.8 Not accepted. For more, go to"
            "?535 5.7.8  https://support.google.com/mail/?p=BadCredentials 98e67ed59e1d1-2f3c - gsmtp",
            "4.7.8",
            Reply(Stage.LOGIN, "535", "5.7.8", "not accepted. for more, go to - gsmtp"),
            id="a login, joined by ?",
        ),
        pytest.param(
            "SASL authentication failed; cannot authenticate to server mx.example.net[192.0.2.1]: no mechanism",
            "4.7.0",
            Reply(
                Stage.LOGIN,
                "",
                "",
                "sasl authentication failed; cannot authenticate to server : no mechanism",
            ),
            id="a login without a reply",
        ),
        pytest.param(
            "host mx.free.fr[192.0.2.1] refused to talk to me: 421 Refused. See http://x.example/y",
            "4.0.0",
            Reply(Stage.GREETING, "421", "", "refused. see"),
            id="a greeting",
        ),
        pytest.param(
            "host filter10.antispamcloud.com[192.0.2.1] said: 451 4.3.0 A problem (in reply to end of DATA command)",
            "4.3.0",
            Reply(Stage.END_OF_DATA, "451", "4.3.0", "a problem"),
            id="a host name that looks like a reason",
        ),
        pytest.param(
            "host mx.example.net[192.0.2.1] said: 553 sorry (#5.7.1) (in reply to RCPT TO command)",
            "5.0.0",
            Reply(Stage.RCPT_TO, "553", "5.7.1", "sorry (#5.7.1)"),
            id="a code in the text",
        ),
        pytest.param(
            "delivery temporarily suspended: connect to mx.example.net[192.0.2.1]:25: Connection refused",
            "4.4.1",
            Reply(Stage.LOCAL, "", "4.4.1", "connect to : connection refused"),
            id="a text of Postfix, repeated",
        ),
        pytest.param(
            "host mx.example.net[192.0.2.1] said: 450 Blocked 192.0.2.9 [2001:db8::1] a.b+c@example.org:blocked"
            " (in reply to MAIL FROM command)",
            "4.0.0",
            Reply(Stage.MAIL_FROM, "450", "", "blocked :blocked"),
            id="addresses",
        ),
    ],
)
def test_read_reply(text: str, dsn: str, expected: Reply) -> None:
    """Stage, codes and words are read; wrapping, repeated codes, addresses, names and ids are removed."""
    assert read_reply(text, dsn) == expected


@pytest.mark.parametrize("word", ["a" * 100_000, "a@" * 50_000, "x[" * 50_000, "a." * 50_000, "1a-" * 30_000])
def test_very_long_replies(word: str) -> None:
    """A reply of any length is read at once; a word that is too long is left out."""
    found = read_reply(f"host x[192.0.2.1] said: 550 {word}", "5.0.0")
    assert found == Reply(Stage.OTHER, "550", "", "")


UNANSWERED = "while sending end of data -- message may be sent more than once"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"lost connection with mx.example.net[192.0.2.1] {UNANSWERED}", True, id="connection lost"),
        pytest.param(
            f"conversation with mx.example.net[192.0.2.1] timed out {UNANSWERED}", True, id="no reply in time"
        ),
        pytest.param(
            "lost connection with mx.example.net[192.0.2.1] while sending RCPT TO", False, id="before the data"
        ),
        pytest.param(
            f"host mx.example.net[192.0.2.1] said: 450 x {UNANSWERED} (in reply to DATA)", False, id="a reply"
        ),
        pytest.param("250 2.0.0 OK", False, id="success"),
    ],
)
def test_possible_duplicate(text: str, *, expected: bool) -> None:
    """A retry can deliver a mail twice when no reply came after the whole mail; a server's own words do not count."""
    assert is_possible_duplicate(text) is expected
