"""Fakes for ledger tests: a clock that is set by hand, a mail server that writes to the ledger, and rows."""

from collections import Counter
from itertools import count
from typing import Any

from mail_ledger import AttemptRow, Ledger, LogPosition, MessageRow
from mail_ledger.submissions import NewSubmission

NOW = 1_800_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR

_numbers = count(1)
_ordinals: Counter[str] = Counter()
"""The number of attempts of each mail, by the id of its row."""


class Clock:
    """A clock that is advanced by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Return the Unix time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds


class MailServer:
    """Writes mails and attempts to the ledger, as the exporter does from a mail server's log."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._mails: dict[str, MessageRow] = {}

    def take(self, **columns: Any) -> MessageRow:  # noqa: ANN401 - any column
        """Store a mail that the queue manager activated, now unless `arrived` is given; return its row."""
        mail = message_row(**{"arrived": self._clock.now, **columns})
        self._store([mail], [])
        return mail

    def change(self, mail: MessageRow, **columns: Any) -> None:  # noqa: ANN401 - same
        """Change columns of a mail's row."""
        self._store([self._mails[mail.id]._replace(**columns)], [])

    def attempt(self, mail: MessageRow, **columns: Any) -> AttemptRow:  # noqa: ANN401 - same
        """Store an attempt for one recipient, now unless `ended` is given; return its row."""
        row = attempt_row(mail, **{"ended": self._clock.now, **columns})
        self._store([self._mails[mail.id]._replace(attempts=row.ordinal)], [row])
        return row

    def relay(self, recipients: int = 1, **columns: Any) -> MessageRow:  # noqa: ANN401 - same
        """Store a mail that the relay accepted for all its recipients; return its row."""
        mail = self.take(recipient_count=recipients, **columns)
        for _ in range(recipients):
            self.attempt(mail, ended=mail.arrived)
        self.change(mail, closed=mail.arrived, recipients_finished=recipients)
        return mail

    def _store(self, messages: list[MessageRow], attempts: list[AttemptRow]) -> None:
        position = LogPosition(0, "", next(_numbers))
        self._mails |= {mail.id: mail for mail in messages}
        self._ledger.checkpoint(log="mail.log", position=position, messages=messages, attempts=attempts)


def message_row(**columns: Any) -> MessageRow:  # noqa: ANN401 - any column
    """Return a row of a mail of the API that the queue manager has activated, with some columns changed."""
    queue_id = f"4jXSsP{next(_numbers):05d}"
    usual = MessageRow(
        id=queue_id,
        queue_id=queue_id,
        server="",
        host="mail",
        arrived=NOW,
        entry="api",
        api_id=None,
        message_id=None,
        traceparent=None,
        size=1000,
        recipient_count=1,
        recipients_finished=0,
        activations=1,
        attempted=0,
        attempts=0,
        waiting_since=None,
        expired=False,
        notice_of=None,
        closed=None,
    )
    return usual._replace(**columns)


def attempt_row(mail: MessageRow, **columns: Any) -> AttemptRow:  # noqa: ANN401 - any column
    """Return a row of an attempt that the relay accepted unless `status` is changed, with some columns changed."""
    _ordinals[mail.id] += 1
    status = columns.get("status", "sent")
    ended = columns.get("ended", NOW)
    usual = AttemptRow(
        message=mail.id,
        ordinal=_ordinals[mail.id],
        number=1,
        waiting_since=ended - 1.0,
        started=ended - 0.9,
        connected=ended - 0.5,
        ended=ended,
        delay=1.0,
        recipient="a***@example.com",
        forwarded=False,
        agent="smtp",
        relay="smtp.gmail.com[192.0.2.1]:587",
        counted=status == "sent",
        status=status,
        dsn="2.0.0",
        cause=None,
        suspended=False,
        reply="250 2.0.0 OK",
    )
    return usual._replace(**columns)


def submission(number: int = 1, *recipients: str, **fields: Any) -> NewSubmission:  # noqa: ANN401 - any field
    """Return a mail that is about to be sent; its id ends in the number."""
    usual = {"id": f"msg_{number}", "message_id": f"<msg_{number}.mail-api@example.org>"}
    return NewSubmission(**{**usual, "recipients": recipients or ("anna@example.com",), **fields})
