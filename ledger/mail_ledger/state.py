"""How far a mail came, as a whole or for one recipient.

pending → accepted → queued → deferred → relayed | bounced | expired | deleted; without a way into the queue:
failed | unknown.
"""

from enum import StrEnum


class State(StrEnum):
    """One word for it; the API's words for the first two and the last two, the log's for those between."""

    PENDING = "pending"
    """It is being handed to the mail server."""
    ACCEPTED = "accepted"
    """The mail server has it; the log does not show it yet."""
    QUEUED = "queued"
    DEFERRED = "deferred"
    RELAYED = "relayed"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELETED = "deleted"
    """Somebody took it out of the queue."""
    UNKNOWN = "unknown"
    FAILED = "failed"
    """The mail server never had it."""
