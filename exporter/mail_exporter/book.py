"""Facts to rows of the ledger: what is not stored yet."""

from typing import Final

from mail_exporter.events import Status
from mail_exporter.facts import AttemptEnded
from mail_exporter.mail import Mail
from mail_exporter.relays import RELAY_DAEMONS, Relays
from mail_ledger import Ledger, LogPosition, Values
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address, mask_text

# Asking a member for its value takes longer than looking it up.
_STATUSES: Final = {status: status.value for status in Status}
_CAUSES: Final = {cause: cause.value for cause in Cause}
_SENT: Final = Status.SENT
_ADDRESS_LENGTH: Final = 255
_RELAY_LENGTH: Final = 255
_DSN_LENGTH: Final = 16
_REPLY_LENGTH: Final = 1024


class Book:
    """Collects rows and stores them with the position up to which they are complete.

    Args:
        ledger: where they are stored.
        log: the log's path, under which the position is stored.
        relays: knows which relay has a quota.
        server: the mail server's name, under which the position is stored too.
        position: the stored position that reading began at.
    """

    def __init__(
        self, ledger: Ledger, log: str, relays: Relays, server: str = "", position: LogPosition | None = None
    ) -> None:
        self._ledger = ledger
        self._log = log
        self._relays = relays
        self._server = server
        self._stored = {position}
        """What the ledger's position is; several, after a failure of which nobody knows whether it stored."""
        self._messages: dict[str, Values] = {}
        self._attempts: list[Values] = []
        self._position: LogPosition | None = None

    def __len__(self) -> int:
        return len(self._messages) + len(self._attempts)

    def enter_attempt(self, fact: AttemptEnded) -> None:
        """Keep the row of an attempt: the fields of an `AttemptRow`."""
        attempt = fact.attempt
        text = attempt.text
        self._attempts.append(
            (
                fact.mail.id,
                fact.ordinal,
                fact.number,
                fact.activated,
                fact.started,
                fact.connected,
                fact.ended,
                attempt.delay,
                mask_address(attempt.recipient)[:_ADDRESS_LENGTH],
                attempt.forwarded,
                fact.daemon,
                attempt.relay[:_RELAY_LENGTH],
                attempt.status is _SENT and fact.daemon in RELAY_DAEMONS and self._relays.is_configured(attempt.relay),
                _STATUSES[attempt.status],
                attempt.dsn[:_DSN_LENGTH],
                None if fact.cause is None else _CAUSES[fact.cause],
                attempt.suspended,
                (mask_text(text) if "@" in text else text)[:_REPLY_LENGTH],
            )
        )

    def enter_mails(self, mails: list[Mail], position: LogPosition) -> None:
        """Keep the rows of mails as they are now; everything before the position has been entered."""
        for mail in mails:
            self._messages[mail.id] = mail.row()
        self._position = position

    def store(self) -> None:
        """Store everything that was entered, with the position up to which it is complete.

        Raises:
            LedgerError: nothing was stored, or nobody knows; everything is kept, and can be stored again.
        """
        if self._position is None:
            return
        before = frozenset(self._stored)
        self._stored.add(self._position)
        self._ledger.checkpoint(
            server=self._server,
            log=self._log,
            position=self._position,
            messages=list(self._messages.values()),
            attempts=self._attempts,
            after=before,
        )
        self._stored = {self._position}
        self._messages.clear()
        self._attempts.clear()
        self._position = None
