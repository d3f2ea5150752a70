"""The durable memory of the services: what was learned from the log, stored together with how far it was read."""

from mail_ledger.engine import LedgerError
from mail_ledger.facts import AttemptRow, LogPosition, MessageRow, Values
from mail_ledger.ledger import Ledger

__all__ = ["AttemptRow", "Ledger", "LedgerError", "LogPosition", "MessageRow", "Values"]
