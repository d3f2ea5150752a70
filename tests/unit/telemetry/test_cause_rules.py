"""Rules from a relay's reply to a cause."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from mail_telemetry.cause_rules import CauseRulesInvalid, Classifier, load_rules
from mail_telemetry.causes import EXPLANATIONS, Cause

SAID = "host smtp.gmail.com[1.2.3.4] said: "
SASL = "SASL authentication failed; server smtp.gmail.com[1.2.3.4] said: "
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
RULES = load_rules()
CLASSIFIER = Classifier(RULES)


class Labelled(NamedTuple):
    """A reply with its cause."""

    provider: str
    dsn: str
    cause: str
    text: str


REPLIES = [Labelled(*line.split("\t")) for line in (GOLDEN / "replies.tsv").read_text().splitlines()[1:]]


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
                ("421-4.7.29 rate limited because this mail wasn't sent over a TLS connection", "4.7.29", Cause.TLS),
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
        pytest.param("host x refused to talk to me: 554 5.3.2 no service", "5.3.2", Cause.CONNECT, id="no connection"),
        pytest.param("Domain x does not accept mail (nullMX)", "5.1.0", Cause.RECIPIENT, id="null MX"),
        pytest.param("unable to look up host x: Temporary failure", "4.3.0", Cause.DNS, id="look-up"),
        pytest.param("mail transport unavailable", "4.3.0", Cause.OTHER, id="no reply of a relay"),
        pytest.param("something nobody has said before", "5.9.9", Cause.OTHER, id="unknown"),
    ],
)
def test_classify(text: str, dsn: str, expected: Cause) -> None:
    """The words of the reply decide, and its code if the words are unknown."""
    assert expected == CLASSIFIER.diagnose(text, dsn).cause


@pytest.mark.parametrize("host", ["sandbox-relay", "spam-quota-greylist", "filter10.antispamcloud.com"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connect to {}[192.0.2.1]:587: Connection refused", Cause.CONNECT),
        ("connect to {}[192.0.2.1]:587: Connection timed out", Cause.TIMEOUT),
        ("lost connection with {}[192.0.2.1] while receiving the initial server greeting", Cause.CONNECT),
        ("conversation with {}[192.0.2.1] timed out while sending message body", Cause.TIMEOUT),
        ("Host or domain name not found. Name service error for name={} type=A: Host not found", Cause.DNS),
        ("TLS is required, but was not offered by host {}[192.0.2.1]", Cause.TLS),
        ("host {}[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command)", Cause.RECIPIENT),
        ("host {}[192.0.2.1] refused to talk to me: 421 4.3.2 Service shutting down", Cause.CONNECT),
    ],
)
def test_name_of_a_host(host: str, text: str, expected: Cause) -> None:
    """The name of a host does not influence the cause."""
    assert CLASSIFIER.diagnose(text.format(host), "").cause is expected


@pytest.mark.parametrize("reply", REPLIES, ids=lambda one: f"{one.provider} {one.dsn} {one.text[-60:]}")
def test_reply_of_a_provider(reply: Labelled) -> None:
    """Replies of real relays and mailbox providers have the cause that the case file gives."""
    assert CLASSIFIER.diagnose(reply.text, reply.dsn).cause == reply.cause


def test_table_of_accuracy() -> None:
    """Print the share of correct causes by provider (`pytest -s`); every provider of the case file is in it."""
    total = Counter(one.provider for one in REPLIES)
    correct = Counter(one.provider for one in REPLIES if CLASSIFIER.diagnose(one.text, one.dsn).cause == one.cause)
    for provider, number in total.most_common():
        print(f"{provider:12} {correct[provider]:3} of {number:3}")  # noqa: T201 - the table
    assert len(total) > 25
    assert sum(correct.values()) >= 0.95 * sum(total.values())


def test_rules_have_names_and_sources() -> None:
    """No two rules share a name, and each has a source."""
    assert len({one.name for one in RULES}) == len(RULES)
    assert [one.name for one in RULES if not one.source] == []


def test_every_rule_decides_for_some_reply() -> None:
    """Each rule decides for a reply of the case files, or for the text of its own test."""
    decided = {CLASSIFIER.diagnose(one.text, one.dsn).rule for one in REPLIES}
    decided |= {CLASSIFIER.diagnose(text, dsn).rule for text, dsn in ONLY_HERE}
    assert {one.name for one in RULES} - decided == set()


ONLY_HERE = [
    (SASL + "454 4.7.0 Too many login attempts, please try again later.", "4.7.0"),
    (SASL + "454 4.7.0 Cannot authenticate due to a temporary system problem.", "4.7.0"),
    (SASL + "454 4.7.0 Temporary authentication failure: Connection lost to authentication server", "4.7.0"),
    (SASL + "534-5.7.9 Please log in with your web browser and then try again.", "4.7.9"),
    (SAID + "421-4.7.29 not sent over a TLS connection", "4.7.29"),
    (SAID + "535 5.7.8 Error", "5.7.8"),
    (SAID + "550 5.4.310 something new", "5.4.310"),
    (SAID + "550 5.4.4 something new", "5.4.4"),
    (SAID + "421 4.4.1 something new", "4.4.1"),
    (SAID + "421 4.4.2 something new", "4.4.2"),
    (SAID + "552 5.3.4 something new", "5.3.4"),
    (SAID + "550 5.6.1 something new", "5.6.1"),
    (SAID + "550 5.7.27 something new", "5.7.27"),
    (SAID + "550 5.7.10 something new", "5.7.10"),
    (SAID + "550 5.4.6 something new", "5.4.6"),
    (SAID + "550 5.1.90 something new", "5.1.90"),
    (SAID + "450 4.7.28 something new", "4.7.28"),
    (SAID + "550 5.2.1 something new", "5.2.1"),
    (SAID + "421 timeout exceeded", "4.4.2"),
    (SAID + "550 5.7.1 something new (in reply to RCPT TO command)", "5.7.1"),
    ("something of Postfix", "4.7.5"),
    ("host x[1.2.3.4] refused to talk to me: 554 5.3.2 no service", "5.3.2"),
    ("host x[1.2.3.4] refused to talk to me: 554 Access denied", "5.0.0"),
]


@pytest.mark.parametrize(
    ("text", "rule", "next_step"),
    [
        pytest.param(
            SASL + "534-5.7.9 Application-specific password required.", "app-password", "app password", id="app"
        ),
        pytest.param(
            SASL + "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "smtp-auth-disabled",
            "aka.ms/smtp_auth_disabled",
            id="SMTP AUTH disabled at Microsoft",
        ),
        pytest.param(
            SAID + "554 Message rejected: Email address is not verified.", "identity-not-verified", "Verify", id="SES"
        ),
        pytest.param(
            SAID + "554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org", "blocklist", "removal", id="list"
        ),
    ],
)
def test_next_step_of_a_rule(text: str, rule: str, next_step: str) -> None:
    """A rule can replace the next step of its cause."""
    found = CLASSIFIER.diagnose(text, "")
    assert found.rule == rule
    assert next_step in found.next_step


def test_next_step_of_the_cause() -> None:
    """A rule without a next step has that of its cause."""
    found = CLASSIFIER.diagnose(SAID + "552 5.3.4 Message size exceeds fixed limit", "5.3.4")
    assert (found.cause, found.next_step) == (Cause.SIZE, EXPLANATIONS[Cause.SIZE].next_step)
    assert not found.retry_can_succeed


def test_no_rule() -> None:
    """A reply that matches no rule has the cause `other`."""
    found = CLASSIFIER.diagnose(SAID + "599 5.9.9 something new", "5.9.9")
    assert (found.cause, found.rule) == (Cause.OTHER, "no rule")


def test_own_rules_come_first(tmp_path: Path) -> None:
    """The first match decides, so that rules of the operator replace the built-in ones."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rules]]\nname = "ours"\ncause = "rate"\ntext = "no such user"\n')
    classifier = Classifier([*load_rules(path), *RULES])
    assert classifier.diagnose(SAID + "550 5.1.1 No such user", "5.1.1").rule == "ours"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[[rules]", "is not TOML", id="no TOML"),
        pytest.param("[rule]", "unknown key rule; rules begin with [[rules]]", id="another table"),
        pytest.param('rules = "x"', "rules begin with [[rules]]", id="no list"),
        pytest.param("[[rules]]", "rule 1: has no name", id="no name"),
        pytest.param(
            '[[rules]]\nname = "a"\ncause = "rate"', "rule 1 (a): has no condition; set one of text", id="no condition"
        ),
        pytest.param('[[rules]]\nname = "a"\ntext = "b"', "cause '' is none of auth", id="no cause"),
        pytest.param('[[rules]]\nname = "a"\ncause = "x"\ntext = "b"', "cause 'x' is none of auth", id="new cause"),
        pytest.param('[[rules]]\nname = "a"\ncause = "rate"\ntexts = "b"', "unknown field texts", id="wrong field"),
        pytest.param('[[rules]]\nname = "a"\ncause = "rate"\ntext = 5', "text is not a text", id="a number"),
        pytest.param(
            '[[rules]]\nname = "a"\ncause = "rate"\ntext = "("', "text is not a regular expression", id="open"
        ),
        pytest.param(
            '[[rules]]\nname = "a"\ncause = "rate"\nstage = "helo"', "stage 'helo' is none of login", id="new stage"
        ),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, problem: str) -> None:
    """The error names the file, the rule, the field and what is possible."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(CauseRulesInvalid) as raised:
        load_rules(path)
    assert str(raised.value).startswith(str(path))
    assert problem in str(raised.value)


def test_missing_file(tmp_path: Path) -> None:
    """A missing file raises an error."""
    with pytest.raises(CauseRulesInvalid, match="cannot be read: No such file"):
        load_rules(tmp_path / "none.toml")
