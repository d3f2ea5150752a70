"""Ledger checkpoint: stores rows of mails and delivery attempts together with the log position."""

from typing import Final

from mail_exporter.delivery_agents import RELAY_DAEMONS, RelayLabels
from mail_exporter.events import DeliveryStatus
from mail_exporter.mail import AttemptEnded, Mail
from mail_ledger import Ledger, LogPosition, Values
from mail_telemetry.masking import mask_address, mask_text

_ADDRESS_LENGTH: Final = 255
_RELAY_LENGTH: Final = 255
_DSN_LENGTH: Final = 16
_REPLY_LENGTH: Final = 1024


class LedgerCheckpoint:
    """Collects rows and stores them with the log position in one transaction.

    Args:
        ledger: the ledger.
        log: the log's path; the position is stored under path and server.
        relays: which relay has the quota.
        server: MAIL_HOSTNAME of the mail server.
        position: the stored position at which reading began.
    """

    def __init__(
        self, ledger: Ledger, log: str, relays: RelayLabels, server: str = "", position: LogPosition | None = None
    ) -> None:
        self._ledger = ledger
        self._log = log
        self._relays = relays
        self._server = server
        self._stored = {position}
        """The position in the ledger; several after a failure that may or may not have stored its position."""
        self._messages: dict[str, Values] = {}
        self._attempts: list[Values] = []
        self._position: LogPosition | None = None

    def __len__(self) -> int:
        return len(self._messages) + len(self._attempts)

    def add_attempt(self, event: AttemptEnded) -> None:
        """Add the row of an attempt: the fields of `AttemptRow`."""
        attempt = event.attempt
        text = attempt.text
        is_sent = attempt.status is DeliveryStatus.SENT
        self._attempts.append(
            (
                event.mail.id,
                event.ordinal,
                event.number,
                event.activated,
                event.started,
                event.connected,
                event.ended,
                attempt.delay,
                mask_address(attempt.recipient)[:_ADDRESS_LENGTH],
                attempt.forwarded,
                event.daemon,
                attempt.relay[:_RELAY_LENGTH],
                is_sent and event.daemon in RELAY_DAEMONS and self._relays.is_configured(attempt.relay),
                attempt.status.value,
                attempt.dsn[:_DSN_LENGTH],
                None if event.cause is None else event.cause.value,
                attempt.suspended,
                mask_text(text)[:_REPLY_LENGTH],
            )
        )

    def add_mails(self, mails: list[Mail], position: LogPosition) -> None:
        """Add the current rows of mails; everything before the position has now been added."""
        for mail in mails:
            self._messages[mail.id] = mail.row()
        self._position = position

    def store(self) -> None:
        """Store all added rows and the position.

        Raises:
            LedgerError: the rows may not be stored; they are kept, and can be stored again.
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
