"""An API key as everybody but its holder sees it, and what one may be called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import RowMapping

from mail_telemetry.masking import domain_of

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""What a key can be called."""


class KeyLimits(NamedTuple):
    """How much a key's holder may send and ask; None is no limit of its own."""

    recipients_per_day: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. Its holder may write to any recipient."""

    prefix: str
    name: str
    important: bool
    """Whether mails may use what the reserve keeps (QUOTA_RESERVE)."""
    limits: KeyLimits
    allowed_senders: tuple[str, ...]
    """Addresses and domains that may stand in From; none: DEFAULT_FROM alone."""
    created: float
    revoked: float | None
    last_used: float | None

    def allows_sender(self, address: str) -> bool:
        """Tell whether `allowed_senders` holds the address or its domain."""
        return bool({address.lower(), domain_of(address)} & set(self.allowed_senders))


def api_key_of(row: RowMapping) -> ApiKey:
    """Return the key of a row of `api_key`."""
    return ApiKey(
        prefix=row["prefix"],
        name=row["name"],
        important=row["important"],
        limits=KeyLimits(row["recipients_per_day"], row["requests_per_minute"]),
        allowed_senders=tuple(row["allowed_senders"]),
        created=row["created"],
        revoked=row["revoked"],
        last_used=row["last_used"],
    )


def check(name: str, limits: KeyLimits, senders: Sequence[str]) -> None:
    """Accept a new key's name, limits and senders.

    Raises:
        ValueError: one of them is unusable; the text says which.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError("a name has 1 to 64 letters, digits, dots, dashes and underscores")
    if any(limit is not None and limit < 1 for limit in limits):
        raise ValueError("a limit is at least 1")
    if any(not sender or set(sender) & set(" ,;<>") for sender in senders):
        raise ValueError("a sender is one address, or a domain")
