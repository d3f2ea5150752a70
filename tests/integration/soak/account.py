"""The account: what every hop says became of each mail, and where they disagree. Pure: evidence in, verdict out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

UNTOLD_WAYS: Final = frozenset({"public"})
"""Strangers are sent no bounces: they would be spam to whoever's address was used."""


class Trouble(StrEnum):
    """What can be wrong with one mail."""

    LOST = "lost: accepted, and neither delivered nor given up"
    DOUBLED = "delivered more than once"
    UNREPORTED = "given up, and the sender was not told"
    LEDGER = "the ledger has it otherwise than the log"
    INBOX = "the relay has it otherwise than the log"
    STATUS = "the status API has it otherwise than the log"
    OPEN = "the ledger waits for its end"
    STRANGER = "nobody sent it"


class Sent(NamedTuple):
    """A mail as its sender knows it."""

    message_id: str
    way: str
    recipients: int
    sure: bool
    """False when the connection broke before the answer: it may have been taken or not."""


class Tally(NamedTuple):
    """What became of one mail's recipients."""

    delivered: int = 0
    failed: int = 0
    """Refused for good, or waited in vain."""
    tries: int = 0


class Finding(NamedTuple):
    """One thing that does not add up."""

    trouble: Trouble
    message_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each witness says; every key is a Message-ID."""

    sent: tuple[Sent, ...]
    log: Mapping[str, Tally]
    ledger: Mapping[str, Tally]
    inbox: Mapping[str, int]
    """How many recipients the relay took it for."""
    states: Mapping[str, str]
    """What the status API says, of the API's mails."""
    told: frozenset[str] = field(default_factory=frozenset)
    """Whose failure the sender can know: a bounce reached the relay, or the status API says so."""
    notices: frozenset[str] = field(default_factory=frozenset)
    """Postfix's own mails: bounces."""
    open: Mapping[str, str] = field(default_factory=dict)
    """Mails that did not leave the queue, by the ledger: their queue ids."""


class Line(NamedTuple):
    """One way in, in the table: how many recipients, and what became of them."""

    way: str
    mails: int
    accepted: int
    delivered: int
    reported: int
    silent: int
    """Given up, and by intention nobody was told."""
    unsure: int
    """Recipients of mails without an answer, of which nothing was seen."""

    @property
    def balance(self) -> int:
        """Recipients that are missing, or too many (below 0)."""
        return self.accepted - self.delivered - self.reported - self.silent - self.unsure


def audit(evidence: Evidence) -> list[Finding]:
    """Return everything that does not add up; an empty list is a clean account."""
    return [
        *(finding for one in evidence.sent for finding in _mail(one, evidence)),
        *_differences(evidence),
        *(Finding(Trouble.OPEN, message_id, f"queue id {queue_id}") for message_id, queue_id in evidence.open.items()),
        *_strangers(evidence),
    ]


def lines(evidence: Evidence) -> list[Line]:
    """Return the account by way in, in the order in which the ways were first used."""
    ways: dict[str, Counter[str]] = {}
    for one in evidence.sent:
        counts = ways.setdefault(one.way, Counter())
        delivered, failed = _ending(one, evidence)
        counts["mails"] += 1
        counts["accepted"] += one.recipients
        counts["delivered"] += delivered
        told = one.message_id in evidence.told
        counts["reported"] += failed if told else 0
        counts["silent"] += failed if one.way in UNTOLD_WAYS and not told else 0
        counts["unsure"] += one.recipients if not one.sure and delivered + failed == 0 else 0
    names = ("mails", "accepted", "delivered", "reported", "silent", "unsure")
    return [Line(way, *(counts[name] for name in names)) for way, counts in ways.items()]


def _ending(one: Sent, evidence: Evidence) -> tuple[int, int]:
    return evidence.inbox.get(one.message_id, 0), evidence.log.get(one.message_id, Tally()).failed


def _mail(one: Sent, evidence: Evidence) -> Iterator[Finding]:
    delivered, failed = _ending(one, evidence)
    ended = delivered + failed
    detail = f"{one.way}: {one.recipients} recipients, {delivered} delivered, {failed} given up"
    if ended < one.recipients and (one.sure or ended):
        yield Finding(Trouble.LOST, one.message_id, detail)
    if ended > one.recipients:
        yield Finding(Trouble.DOUBLED, one.message_id, detail)
    if failed and one.message_id not in evidence.told and one.way not in UNTOLD_WAYS:
        yield Finding(Trouble.UNREPORTED, one.message_id, detail)
    state = evidence.states.get(one.message_id)
    if state is not None and ended and (state in {"bounced", "expired"} if failed else state == "relayed") is False:
        yield Finding(Trouble.STATUS, one.message_id, f"{detail}; state {state}")


def _differences(evidence: Evidence) -> Iterator[Finding]:
    for message_id in _all(evidence.log, evidence.ledger):
        log, ledger = evidence.log.get(message_id), evidence.ledger.get(message_id)
        if log != ledger:
            yield Finding(Trouble.LEDGER, message_id, f"log {_words(log)}; ledger {_words(ledger)}")
    for message_id in _all(evidence.log, evidence.inbox):
        delivered, taken = evidence.log.get(message_id, Tally()).delivered, evidence.inbox.get(message_id, 0)
        if delivered != taken:
            yield Finding(Trouble.INBOX, message_id, f"log: {delivered} delivered; relay: {taken} taken")


def _strangers(evidence: Evidence) -> Iterator[Finding]:
    known = {one.message_id for one in evidence.sent} | evidence.notices
    for message_id in _all(evidence.log, evidence.inbox):
        if message_id not in known:
            yield Finding(Trouble.STRANGER, message_id, f"log {_words(evidence.log.get(message_id))}")


def _all(*sides: Iterable[str]) -> list[str]:
    return sorted(set().union(*sides))


def _words(tally: Tally | None) -> str:
    if tally is None:
        return "has nothing"
    return f"{tally.delivered} delivered, {tally.failed} given up in {tally.tries} tries"
