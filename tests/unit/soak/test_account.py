"""Account of a soak: lost, doubled and unreported mails, and differences between the sources."""

from dataclasses import replace

import pytest

from tests.integration.soak.account import Discrepancy, Evidence, Line, Sent, Tally, Trouble, audit, lines

ONE = Sent("<1@a>", "api", 1, sure=True)
THREE = Sent("<3@a>", "submission", 3, sure=True)
UNSURE = Sent("<u@a>", "internal", 1, sure=False)
PUBLIC = Sent("<p@a>", "public", 1, sure=True)
CLEAN = Evidence(
    sent=(ONE, THREE, UNSURE, PUBLIC),
    log={"<1@a>": Tally(1, 0, 2), "<3@a>": Tally(2, 1, 3), "<p@a>": Tally(0, 1, 9), "<n@a>": Tally(1, 0, 1)},
    ledger={"<1@a>": Tally(1, 0, 2), "<3@a>": Tally(2, 1, 3), "<p@a>": Tally(0, 1, 9), "<n@a>": Tally(1, 0, 1)},
    inbox={"<1@a>": 1, "<3@a>": 2, "<n@a>": 1},
    states={"<1@a>": "relayed"},
    reported=frozenset({"<3@a>"}),
    notices=frozenset({"<n@a>"}),
)
"""Four mails: delivered at the second attempt; one recipient bounced; unanswered and not accepted; expired."""


def troubles(evidence: Evidence) -> list[tuple[Trouble, str]]:
    """Return the discrepancies without their details."""
    return [(found.trouble, found.message_id) for found in audit(evidence)]


def test_clean() -> None:
    """An account without discrepancies: all mails were delivered, reported or not accepted."""
    assert audit(CLEAN) == []


def test_lines() -> None:
    """Each entry has a line with its counts and its balance."""
    found = lines(CLEAN)
    assert found == [
        Line("api", 1, 1, 1, 0, 0, 0),
        Line("submission", 1, 3, 2, 1, 0, 0),
        Line("internal", 1, 1, 0, 0, 0, 1),
        Line("public", 1, 1, 0, 0, 1, 0),
    ]
    assert [one.balance for one in found] == [0, 0, 0, 0]


def test_lost() -> None:
    """An accepted mail that is not in the relay's inbox is lost, whatever the log contains."""
    evidence = replace(CLEAN, inbox={"<3@a>": 2, "<n@a>": 1})
    assert audit(evidence)[0] == Discrepancy(Trouble.LOST, "<1@a>", "api: 1 recipients, 0 delivered, 0 given up")
    assert lines(evidence)[0].balance == 1


def test_lost_for_one_recipient() -> None:
    """A mail is lost if it has neither a delivery nor a bounce for one of its recipients."""
    log = {**CLEAN.log, "<3@a>": Tally(2, 0, 3)}
    assert troubles(replace(CLEAN, log=log, ledger=log)) == [(Trouble.LOST, "<3@a>")]


def test_lost_halfway() -> None:
    """A mail without an answer may be accepted or not, but not for some of its recipients only."""
    sent = (UNSURE._replace(recipients=2),)
    log = {"<u@a>": Tally(1, 0, 1)}
    evidence = Evidence(sent, log, log, {"<u@a>": 1}, {})
    assert troubles(evidence) == [(Trouble.LOST, "<u@a>")]


def test_doubled() -> None:
    """A mail that the relay received twice is doubled."""
    evidence = replace(CLEAN, inbox={**CLEAN.inbox, "<1@a>": 2})
    assert troubles(evidence) == [(Trouble.DOUBLED, "<1@a>"), (Trouble.INBOX, "<1@a>")]
    assert lines(evidence)[0].balance == -1


def test_unreported() -> None:
    """A bounced recipient without a bounce mail to the sender is unreported."""
    evidence = replace(CLEAN, reported=frozenset())
    assert troubles(evidence) == [(Trouble.UNREPORTED, "<3@a>")]
    assert lines(evidence)[1].balance == 1


@pytest.mark.parametrize(
    "ledger",
    [
        pytest.param({**CLEAN.ledger, "<1@a>": Tally(1, 0, 1)}, id="attempt missing"),
        pytest.param({name: tally for name, tally in CLEAN.ledger.items() if name != "<1@a>"}, id="mail missing"),
    ],
)
def test_ledger_differs(ledger: dict[str, Tally]) -> None:
    """An attempt of the log that is missing in the ledger is a discrepancy."""
    assert troubles(replace(CLEAN, ledger=ledger)) == [(Trouble.LEDGER, "<1@a>")]


@pytest.mark.parametrize("state", ["deferred", "bounced"])
def test_status_differs(state: str) -> None:
    """A delivered mail whose status is not `relayed` is a discrepancy."""
    assert troubles(replace(CLEAN, states={"<1@a>": state})) == [(Trouble.STATUS, "<1@a>")]


def test_open() -> None:
    """A mail that the exporter still lists as open is a discrepancy."""
    evidence = replace(CLEAN, open={"<1@a>": "4jXSs2111CzDhqX"})
    assert audit(evidence) == [Discrepancy(Trouble.OPEN, "<1@a>", "queue id 4jXSs2111CzDhqX")]


def test_unexpected_mail() -> None:
    """A mail that the soak did not send is a discrepancy."""
    log = {**CLEAN.log, "<x@a>": Tally(1, 0, 1)}
    evidence = replace(CLEAN, log=log, ledger=log, inbox={**CLEAN.inbox, "<x@a>": 1})
    assert troubles(evidence) == [(Trouble.UNEXPECTED, "<x@a>")]
