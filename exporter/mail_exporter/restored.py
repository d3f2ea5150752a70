"""Mails that were in the queue when another exporter stopped, as the ledger remembers them."""

from collections.abc import Iterator

from mail_exporter.mail import Mail
from mail_exporter.relays import DISCARD
from mail_exporter.tracker import relate
from mail_ledger import Ledger
from mail_telemetry.names import Outcome


def open_mails(ledger: Ledger, server: str = "") -> Iterator[Mail]:
    """Yield a mail server's, oldest first, with the worst that became of a recipient, and what a bounce is about.

    Raises:
        LedgerError: the ledger can't be read.
    """
    for mail in [Mail.of_row(row) for row in ledger.open_messages(server)]:
        if mail.recipients_finished:
            mail.outcome = _outcome(mail, ledger)
        if mail.notice_of and not mail.attempts:
            _relate(mail, mail.notice_of, ledger)
        yield mail


def _outcome(mail: Mail, ledger: Ledger) -> Outcome:
    attempts = ledger.attempts(mail.id)
    if any(attempt.status == Outcome.BOUNCED for attempt in attempts):
        return Outcome.BOUNCED
    is_discarded = any(attempt.agent == DISCARD and attempt.status == Outcome.SENT for attempt in attempts)
    return Outcome.DISCARDED if is_discarded else Outcome.SENT


def _relate(mail: Mail, about: str, ledger: Ledger) -> None:
    for row in ledger.find_messages(about):
        if row.server == mail.server:
            relate(mail, Mail.of_row(row))
            return
