"""Report of a soak: the table of the account, and the list of errors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tests.integration.soak.account import Discrepancy, Evidence, Line, Tally, lines
from tests.integration.soak.memory import Growth

_HEAD: Final = ("way in", "mails", "recipients", "delivered", "reported", "silent", "no answer", "balance")
_LARGE_KIB: Final = 10_000
_SHOWN: Final = 40
"""Discrepancies that are listed; a failing hop can lead to hundreds of one kind."""


def table(
    evidence: Evidence, grown: Sequence[Growth], unknown: Mapping[str, float], counted: Mapping[str, float], read: int
) -> str:
    """Return the account: mails by entry, the numbers of each source, memory, and counters that must be 0."""
    rows = lines(evidence)
    total = Line("all", *(sum(row[column] for row in rows) for column in range(1, len(Line._fields))))  # type: ignore[misc]  # columns of numbers
    shown = [one for one in grown if one.late >= _LARGE_KIB or not one.bounded]
    words = ["", _row(*_HEAD), *(_row(*row, row.balance) for row in (*rows, total)), ""]
    words += [
        "accepted recipients = delivered + reported (bounced or expired, with a report to the sender)",
        "+ silent (forwarded mail from outside: no bounces to unknown senders)",
        "+ those of mails without an answer that were never seen again",
        "",
        f"log        {_totals(evidence.log)}, {read} lines",
        f"ledger     {_totals(evidence.ledger)}",
        f"inbox      {len(evidence.inbox)} mails, {sum(evidence.inbox.values())} recipients delivered",
        f"bounces    {len(evidence.notices)}, of which the relay took {len(evidence.notices & evidence.inbox.keys())}",
        f"status API {len(evidence.states)} mails",
        f"lines not understood: {_counts(unknown)}",
        f"counters that must be 0: {_counts(counted)}",
        "",
        "memory, early and late in the part without restarts (KiB):",
        *(f"  {one.process:32} {one.early:8} {one.late:8}{'' if one.bounded else '  GREW'}" for one in shown),
        f"  and {len(grown) - len(shown)} smaller ones, of which none grew",
        "",
    ]
    return "\n".join(words)


def troubles(
    findings: Sequence[Discrepancy], grown: Iterable[Growth], unknown: Mapping[str, float], counted: Mapping[str, float]
) -> list[str]:
    """Return a line for each error; an empty list for a clean soak."""
    errors = [f"{one.message_id} {one.trouble} ({one.detail})" for one in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        errors.append(f"{len(findings) - _SHOWN} more mails")
    errors += [f"{one.process} grew from {one.early} to {one.late} KiB" for one in grown if not one.bounded]
    errors += [f"{value:g} {kind} lines in the log" for kind, value in unknown.items() if value]
    return errors + [f"{name} is {value:g}" for name, value in counted.items() if value]


def _row(first: object, *rest: object) -> str:
    return f"{first!s:12}" + "".join(f"{one!s:>12}" for one in rest)


def _totals(tallies: Mapping[str, Tally]) -> str:
    every = tallies.values()
    tries, delivered = (sum(getattr(one, name) for one in every) for name in ("tries", "delivered"))
    return f"{len(every)} mails, {tries} attempts, {delivered} recipients delivered"


def _counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in counts.items()) or "none seen"
