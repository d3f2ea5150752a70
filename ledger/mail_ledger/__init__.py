"""The ledger: the database of mail-api and mail-exporter, with mails, delivery attempts, submissions and API keys."""

from mail_ledger.engine import LedgerError
from mail_ledger.ledger import Ledger
from mail_ledger.tables import AttemptRow, LogPosition, MessageRow, Values

__all__ = ["AttemptRow", "Ledger", "LedgerError", "LogPosition", "MessageRow", "Values"]
