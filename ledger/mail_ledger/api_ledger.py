"""All that the API needs of the ledger, over one set of connections."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Engine

from mail_ledger.backoff import Backoff
from mail_ledger.claims import Claims
from mail_ledger.engine import open_engine
from mail_ledger.group import Write, write_together
from mail_ledger.health import Health
from mail_ledger.keys import Keys
from mail_ledger.messages import Messages
from mail_ledger.prune import Pruned, prune
from mail_ledger.quotas import Quotas
from mail_ledger.submission import DAY_SECONDS, Lease
from mail_ledger.submissions import Submissions
from mail_telemetry.masking import mask_address


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ledger's answers depend on besides its content; each is a setting of the services."""

    daily_limit: int = 500
    """SMTP_RELAY_DAILY_LIMIT: recipients that the relay takes in a window."""
    window: float = DAY_SECONDS
    """Seconds of that window; anything but a day is for trying out."""
    relay: str | None = None
    """The relay's host name; None counts any configured relay."""
    mask: Callable[[str], str] = mask_address
    """Makes of an address what may be stored (LEDGER_ADDRESSES)."""
    backoff: Backoff = Backoff()  # noqa: RUF009 - immutable
    """The mail server's times."""
    lease: Lease = Lease()  # noqa: RUF009 - same
    now: Callable[[], float] = time.time


class ApiLedger:
    """The ledger as the API uses it. Every method blocks, mostly for under a millisecond: call it from a thread."""

    def __init__(self, engine: Engine, rules: Rules) -> None:
        self._engine = engine
        self._now = rules.now
        self.keys = Keys(engine, rules.now)
        self.submissions = Submissions(engine, mask=rules.mask, lease=rules.lease, now=rules.now)
        self.claims = Claims(engine, self.submissions, lease=rules.lease, now=rules.now)
        self.quotas = Quotas(engine, rules.daily_limit, relay=rules.relay, window=rules.window, now=rules.now)
        self.health = Health(engine, rules.now)
        self.messages = Messages(engine, backoff=rules.backoff, lease=rules.lease, now=rules.now)

    @classmethod
    def open(cls, url: str, rules: Rules = Rules()) -> Self:
        """Connect, and bring the schema to this version's.

        Raises:
            LedgerError: the URL is malformed, the database can't be reached or written, or is newer than the code.
        """
        return cls(open_engine(url), rules)

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def write(self, writes: Sequence[Write[Any]]) -> list[Any]:
        """Return an outcome per write, in one transaction where that can be; see `group.write_together`."""
        return write_together(self._engine, writes)

    def prune(self, older_than_days: float, wait: Callable[[float], object] = time.sleep) -> Pruned:
        """Forget what is older, in small steps; see `prune.prune`.

        Raises:
            LedgerError: the ledger can't be read or written.
        """
        return prune(self._engine, older_than_days, now=self._now, wait=wait)
