"""The abuse battery: each trick at each port is rejected or has no effect, and is logged."""

from collections.abc import Iterator

import pytest
from testcontainers.core.network import Network

from tests.integration.postfix.audit import Outcome, Verdict, audit, stack_server, table, talkers
from tests.integration.postfix.battery import HELLO, PORTS, STRAY_ENDS, Origin, Session, Trick, tricks
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.dialogue import STARTTLS, plain
from tests.integration.postfix.lab import PASSWORD, USER, Lab
from tests.integration.stack import RECIPIENT, SANDBOX, Stack, until

BATTERY = list(tricks())


@pytest.fixture(scope="module")
def outcomes(stack: Stack) -> Iterator[dict[str, Outcome]]:
    """Try the whole battery on the shipped configuration and return the results by the tricks' ids."""
    server = stack_server(stack)
    with talkers(server) as talk:
        yield {one.trick.id: one for one in audit(server, Relay(stack.url(SANDBOX)), talk, BATTERY)}


@pytest.mark.parametrize("trick", BATTERY, ids=lambda trick: trick.id)
def test_trick(outcomes: dict[str, Outcome], trick: Trick) -> None:
    """The server gives the expected reply, the victim gets no mail, and the log has a line about the trick."""
    outcome = outcomes[trick.id]
    assert outcome.verdict is Verdict.WITHSTOOD, f"{outcome.answer}; in the log: {outcome.log_line or 'nothing'}"


def test_battery_is_large() -> None:
    """At least 25 tricks are tried at each port, and every published stray end of a message."""
    for port in PORTS:
        assert len({trick.name for trick in BATTERY if trick.port == port and "smuggling" not in trick.name}) >= 25
        assert sum(trick.port == port for trick in BATTERY if "smuggling" in trick.name) == len(STRAY_ENDS)


@pytest.fixture(scope="module")
def rate_limited_server(lab: Lab) -> Iterator[Server]:
    """Return a server for tests that use up its rate limits."""
    with lab.server("spare.lab") as server:
        yield server


def test_audit_recognizes_an_open_relay(lab: Lab, rate_limited_server: Server) -> None:
    """The audit recognizes an open relay, since it also looks for the delivered mail."""
    plain_relay = [trick for trick in BATTERY if trick.name == "plain relay"]
    with talkers(rate_limited_server) as talk:
        rate_limited_server.run("postconf", "-e", "mynetworks=0.0.0.0/0")
        rate_limited_server.run("postfix", "reload")
        outcomes = {one.trick.port: one.verdict for one in audit(rate_limited_server, lab.relay, talk, plain_relay)}
    assert outcomes == {25: Verdict.RELAYED, 2525: Verdict.WITHSTOOD, 587: Verdict.WITHSTOOD}


def test_from_a_foreign_network(lab: Lab) -> None:
    """A container of another network has no more rights at the published ports than any other client."""
    with Network() as foreign, lab.probe_on(foreign) as probe:
        gateway = lab.docker.networks.get(foreign.name).attrs["IPAM"]["Config"][0]["Gateway"]
        with lab.server("published.lab", ports={f"{port}/tcp": [(gateway,)] for port in PORTS}) as server:
            talk = {Origin.OUTSIDE: lambda port, script: probe.talk(*server.door(port), *script)}
            # Every fourth of those that share connections is enough: the others do not depend on the network.
            outside = [one for one in BATTERY if one.origin is Origin.OUTSIDE and one.session is not Session.FRESH][::4]
            outcomes = audit(server, lab.relay, talk, outside)
    failed = [one for one in outcomes if one.verdict is not Verdict.WITHSTOOD]
    assert failed == [], "\n".join(table(failed))


@pytest.mark.parametrize("end", STRAY_ENDS.values(), ids=STRAY_ENDS)
def test_smuggling_through_the_api(stack: Stack, subject: str, end: str) -> None:
    """A body with a stray end is delivered as one mail with its whole text; a body with NUL is rejected."""
    hidden = (
        f"MAIL FROM:<spy@evil.example>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\nSubject: hidden {subject}\r\n\r\nsmuggled"
    )
    body = f"first{end}{hidden}\r\n.\r\nlast"
    before = stack.count_mails()
    response = stack.post({"to": RECIPIENT, "subject": subject, "body": body})
    if response.status_code == 400:
        assert "\0" in body
        assert stack.count_mails() == before
        return
    assert response.status_code == 200, response.text
    mail = stack.received(subject)
    assert _words(mail["text"]) == _words(body)
    until("an empty queue", lambda: not stack_server(stack).queue())
    assert stack.count_mails() == before + 1


def _words(text: str) -> list[str]:
    """Return the words of a text, whatever its line ends."""
    return text.replace("\0", "").split()


def test_password_guessing(rate_limited_server: Server) -> None:
    """After ten wrong passwords in a minute even the right one is rejected for a while, which is logged."""
    hello = (HELLO, STARTTLS, HELLO)
    guesses = [plain(USER, f"guess{number}") for number in range(3)]
    answers = [answer for _ in range(5) for answer in rate_limited_server.talk(587, *hello, *guesses)]
    right = rate_limited_server.talk(587, *hello, plain(USER, PASSWORD))
    log = rate_limited_server.wait_for_log("AUTH command rate limit exceeded")
    assert sum(answer.startswith("535 5.7.8") for answer in answers) == 10
    assert sum("too many AUTH commands" in answer for answer in answers) == 5
    assert "450 4.7.1 Error: too many AUTH commands" in right[4]
    assert log.count("SASL PLAIN authentication failed") == 10


def test_connection_flood(rate_limited_server: Server) -> None:
    """The public port accepts 60 connections a minute from one client, and answers the next with 421."""
    greetings = [rate_limited_server.talk(2525)[0][:3] for _ in range(62)]
    rate_limited_server.wait_for_log("Connection rate limit exceeded: 61")
    # The test before this one has used some of the sixty.
    assert 50 <= greetings.index("421") <= 60
    assert set(greetings[greetings.index("421") :]) == {"421"}


def test_public_port_counts_recipients(server: Server, lab: Lab) -> None:
    """A mail at the public port has at most 50 recipients."""
    recipients = [f"RCPT TO:<x{number}@victim.example>" for number in range(3)]
    assert server.run("postconf", "-P", "-h", "2525/inet/smtpd_recipient_limit").strip() == "50"
    answers = lab.probe.talk("mail.lab", 2525, HELLO, "MAIL FROM:<a@b.example>", *recipients)
    assert all(answer.startswith("554") for answer in answers[3:6])
