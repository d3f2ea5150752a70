"""The durable memory of the services: what was learned from the log, stored together with how far it was read."""

from mail_ledger.ledger import Ledger, LedgerError, LogPosition

__all__ = ["Ledger", "LedgerError", "LogPosition"]
