"""The ledger as the API uses it: submissions, idempotency, API keys, quota, status and retention on one engine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Engine

from mail_ledger.api_keys import ApiKeys
from mail_ledger.caught_mails import CaughtMails
from mail_ledger.engine import open_engine
from mail_ledger.group_commit import Write, write_together
from mail_ledger.health import Health
from mail_ledger.idempotency import IdempotencyKeys
from mail_ledger.prune import Pruned, prune
from mail_ledger.quota import RelayQuota
from mail_ledger.status import Backoff
from mail_ledger.status_queries import StatusQueries
from mail_ledger.submissions import SubmissionStore, TimeLimits
from mail_ledger.tables import DAY_SECONDS
from mail_ledger.unknown_outcomes import UnknownOutcomes
from mail_telemetry.cause_rules import Classifier
from mail_telemetry.masking import mask_address


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that the ledger's results depend on."""

    daily_limit: int = 500
    """SMTP_RELAY_DAILY_LIMIT: recipients that the relay accepts in a window."""
    window: float = DAY_SECONDS
    """Seconds of that window; only demos and tests use another one than a day."""
    relay: str | None = None
    """The relay's host name; None counts all configured relays."""
    mask: Callable[[str], str] = mask_address
    """Returns the form in which an address is stored (LEDGER_ADDRESSES)."""
    backoff: Backoff = Backoff()  # noqa: RUF009 - immutable
    """Postfix's retry times."""
    classifier: Classifier | None = None
    """Finds the next step of a failed attempt (CAUSE_RULES_FILE); None has the built-in rules."""
    limits: TimeLimits = TimeLimits()  # noqa: RUF009 - same
    """Time limits of submissions."""
    now: Callable[[], float] = time.time


class ApiLedger:
    """The ledger for the API. Every method blocks, mostly for less than a millisecond: call it from a thread."""

    def __init__(self, engine: Engine, rules: Rules) -> None:
        self._engine = engine
        self._now = rules.now
        limits, now = rules.limits, rules.now
        self.keys = ApiKeys(engine, now)
        self.submissions = SubmissionStore(engine, mask=rules.mask, limits=limits, now=now)
        self.idempotency = IdempotencyKeys(engine, self.submissions, limits=limits, now=now)
        self.unknown_outcomes = UnknownOutcomes(engine, limits=limits, now=now)
        self.quota = RelayQuota(engine, rules.daily_limit, relay=rules.relay, window=rules.window, now=now)
        self.caught_mails = CaughtMails(engine, limits=limits, now=now)
        self.health = Health(engine, now)
        self.statuses = StatusQueries(
            engine, backoff=rules.backoff, classifier=rules.classifier, limits=limits, now=now
        )

    @classmethod
    def open(cls, url: str, rules: Rules = Rules()) -> Self:
        """Connect, and migrate the schema to this version's.

        Raises:
            LedgerError: the URL is malformed, the database cannot be reached or written, or is newer than the code.
        """
        return cls(open_engine(url), rules)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def write(self, writes: Sequence[Write[Any]]) -> list[Any]:
        """Store the writes, in one transaction where possible, and return their results; see `write_together`."""
        return write_together(self._engine, writes)

    def prune(self, older_than_days: float, wait: Callable[[float], object] = time.sleep) -> Pruned:
        """Delete old mails and submissions in small batches; see `prune.prune`.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        return prune(self._engine, older_than_days, now=self._now, wait=wait)
