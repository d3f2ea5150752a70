"""Compares the outcome of each mail in the log, the ledger, the relay's inbox and the status API.

Pure functions, with unit tests of their own: a mistake in here would hide lost mail.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

ENTRIES_WITHOUT_BOUNCES: Final = frozenset({"public"})
"""Entries without bounces: the sender's address may be forged."""


class Trouble(StrEnum):
    """Kinds of discrepancies."""

    LOST = "lost: accepted, and neither delivered nor given up"
    DOUBLED = "delivered more than once"
    UNREPORTED = "given up, without a report to the sender"
    LEDGER = "the ledger differs from the log"
    INBOX = "the relay's inbox differs from the log"
    STATUS = "the status API differs from the log"
    OPEN = "the ledger has no end for it"
    UNEXPECTED = "not sent by the soak"


class Sent(NamedTuple):
    """A mail as its sender recorded it."""

    message_id: str
    way: str
    recipients: int
    sure: bool
    """False when the connection broke before the answer: the mail may have been accepted or not."""


class Tally(NamedTuple):
    """The outcome of one mail: numbers of recipients, and of attempts."""

    delivered: int = 0
    failed: int = 0
    """Bounced or expired."""
    tries: int = 0


class Discrepancy(NamedTuple):
    """One discrepancy of one mail."""

    trouble: Trouble
    message_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The records of each source; every key is a Message-ID."""

    sent: tuple[Sent, ...]
    log: Mapping[str, Tally]
    ledger: Mapping[str, Tally]
    inbox: Mapping[str, int]
    """For how many recipients the relay accepted the mail."""
    states: Mapping[str, str]
    """The states in the status API, of the API's mails."""
    reported: frozenset[str] = field(default_factory=frozenset)
    """Mails whose failure was reported: by a bounce that reached the relay, or by the status API."""
    notices: frozenset[str] = field(default_factory=frozenset)
    """Bounces, which Postfix sent."""
    open: Mapping[str, str] = field(default_factory=dict)
    """Queue ids of the mails that, in the ledger, did not leave the queue."""


class Line(NamedTuple):
    """One entry in the table: its recipients, and their outcomes."""

    way: str
    mails: int
    accepted: int
    delivered: int
    reported: int
    silent: int
    """Given up, without a report on purpose."""
    unsure: int
    """Recipients of mails without an answer that were never found."""

    @property
    def balance(self) -> int:
        """Recipients that are missing, or too many (below 0)."""
        return self.accepted - self.delivered - self.reported - self.silent - self.unsure


def audit(evidence: Evidence) -> list[Discrepancy]:
    """Return all discrepancies."""
    return [
        *(found for one in evidence.sent for found in _mail(one, evidence)),
        *_differences(evidence),
        *(
            Discrepancy(Trouble.OPEN, message_id, f"queue id {queue_id}")
            for message_id, queue_id in evidence.open.items()
        ),
        *_unexpected(evidence),
    ]


def lines(evidence: Evidence) -> list[Line]:
    """Return the account by entry, in the order in which the entries were first used."""
    ways: dict[str, Counter[str]] = {}
    for one in evidence.sent:
        counts = ways.setdefault(one.way, Counter())
        delivered, failed = _ending(one, evidence)
        counts["mails"] += 1
        counts["accepted"] += one.recipients
        counts["delivered"] += delivered
        reported = one.message_id in evidence.reported
        counts["reported"] += failed if reported else 0
        counts["silent"] += failed if one.way in ENTRIES_WITHOUT_BOUNCES and not reported else 0
        counts["unsure"] += one.recipients if not one.sure and delivered + failed == 0 else 0
    names = ("mails", "accepted", "delivered", "reported", "silent", "unsure")
    return [Line(way, *(counts[name] for name in names)) for way, counts in ways.items()]


def _ending(one: Sent, evidence: Evidence) -> tuple[int, int]:
    return evidence.inbox.get(one.message_id, 0), evidence.log.get(one.message_id, Tally()).failed


def _mail(one: Sent, evidence: Evidence) -> Iterator[Discrepancy]:
    delivered, failed = _ending(one, evidence)
    ended = delivered + failed
    detail = f"{one.way}: {one.recipients} recipients, {delivered} delivered, {failed} given up"
    if ended < one.recipients and (one.sure or ended):
        yield Discrepancy(Trouble.LOST, one.message_id, detail)
    if ended > one.recipients:
        yield Discrepancy(Trouble.DOUBLED, one.message_id, detail)
    if failed and one.message_id not in evidence.reported and one.way not in ENTRIES_WITHOUT_BOUNCES:
        yield Discrepancy(Trouble.UNREPORTED, one.message_id, detail)
    state = evidence.states.get(one.message_id)
    if state is not None and ended and (state in {"bounced", "expired"} if failed else state == "relayed") is False:
        yield Discrepancy(Trouble.STATUS, one.message_id, f"{detail}; state {state}")


def _differences(evidence: Evidence) -> Iterator[Discrepancy]:
    for message_id in _all(evidence.log, evidence.ledger):
        log, ledger = evidence.log.get(message_id), evidence.ledger.get(message_id)
        if log != ledger:
            yield Discrepancy(Trouble.LEDGER, message_id, f"log {_words(log)}; ledger {_words(ledger)}")
    for message_id in _all(evidence.log, evidence.inbox):
        delivered, taken = evidence.log.get(message_id, Tally()).delivered, evidence.inbox.get(message_id, 0)
        if delivered != taken:
            yield Discrepancy(Trouble.INBOX, message_id, f"log: {delivered} delivered; relay: {taken} taken")


def _unexpected(evidence: Evidence) -> Iterator[Discrepancy]:
    known = {one.message_id for one in evidence.sent} | evidence.notices
    for message_id in _all(evidence.log, evidence.inbox):
        if message_id not in known:
            yield Discrepancy(Trouble.UNEXPECTED, message_id, f"log {_words(evidence.log.get(message_id))}")


def _all(*sides: Iterable[str]) -> list[str]:
    return sorted(set().union(*sides))


def _words(tally: Tally | None) -> str:
    if tally is None:
        return "has nothing"
    return f"{tally.delivered} delivered, {tally.failed} given up in {tally.tries} tries"
