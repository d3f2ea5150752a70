"""Everything that can go wrong with a request: situations with their data. `codes.py` makes answers of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, TypeAlias

from mail_telemetry.masking import mask_text

Problem: TypeAlias = tuple[str, str]
"""A field, and what is wrong with it."""


class Situation(Exception):
    """Base of the situations; `str()` of one is what its caller reads, and never holds a full address."""

    retry_after: int | None = None
    """Seconds after which it is worth trying again, where the situation itself knows."""

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by field."""
        return {}


@dataclass(eq=False)
class FieldsRefused(Situation):
    """Base of what is wrong with single fields, each with its problem."""

    problems: tuple[Problem, ...]

    @property
    def errors(self) -> Mapping[str, str]:  # noqa: D102 - as in the base
        return dict(self.problems)

    def __str__(self) -> str:
        return "; ".join(f"{field}: {problem}" for field, problem in self.problems)


class InvalidRequest(FieldsRefused, ValueError):
    """Fields that can't be used."""


class RecipientNotAllowed(FieldsRefused, PermissionError):
    """A caller without a key wants to write to a stranger."""

    def __init__(self, field: str = "to") -> None:
        super().__init__(((field, "this recipient is not in ALLOWED_RECIPIENTS"),))


class SenderNotAllowed(FieldsRefused, PermissionError):
    """The key names the senders that it may use, and this is none of them."""

    def __init__(self) -> None:
        problem = "is not among the senders of this API key; a visitor's address goes into reply_to"
        super().__init__((("from", problem),))


class KeyInvalid(Situation, PermissionError):
    """No API key, or one that was never made, or was revoked."""

    def __str__(self) -> str:
        return "This needs a valid API key, as the header Authorization: Bearer dm_..."


class KeyUnverifiable(Situation, ConnectionError):
    """The ledger, which knows the keys, is away."""

    def __str__(self) -> str:
        return "API keys can't be checked at the moment; nothing was sent, try again"


class RedirectNotAllowed(FieldsRefused, PermissionError):
    """A form wants its visitor sent to a foreign site."""

    def __init__(self) -> None:
        super().__init__((("redirect", "must be an address on a site of ALLOWED_HOSTS"),))


class UnsupportedMediaType(Situation, ValueError):
    """The body is neither JSON nor a form."""

    def __str__(self) -> str:
        return "Send JSON, with the header Content-Type: application/json, or an HTML form"


@dataclass(eq=False)
class RequestTooLarge(Situation, ValueError):
    """More bytes than the named variable allows."""

    limit: int
    variable: str = "MAX_REQUEST_BYTES"

    def __str__(self) -> str:
        return f"The request is larger than {self.limit} bytes ({self.variable})"


class OriginNotAllowed(Situation, PermissionError):
    """A page of a foreign site calls."""

    def __str__(self) -> str:
        return "The site that this request comes from is not in ALLOWED_HOSTS"


class HoneypotFilled(Situation, PermissionError):
    """The field that no person sees (HONEYPOT_FIELD) holds something. The caller is told success."""


@dataclass(eq=False)
class FilledTooFast(Situation, PermissionError):
    """The form was sent sooner after it was opened than a person could have filled it."""

    retry_after: int

    def __str__(self) -> str:
        return f"The form was sent very soon after it was opened; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class RateLimited(Situation, PermissionError):
    """One address has sent as many requests as RATE_LIMIT allows."""

    retry_after: int

    def __str__(self) -> str:
        return f"Too many requests from this address; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class KeyRateLimited(Situation, PermissionError):
    """One API key has made as many requests as it may in a minute."""

    retry_after: int

    def __str__(self) -> str:
        return f"Too many requests with this API key; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class KeyLimitExceeded(Situation, PermissionError):
    """One API key has had as many recipients as it may in 24 hours."""

    limit: int
    used: int
    retry_after: int | None

    def __str__(self) -> str:
        again = f"; try again {_at(self.retry_after)}" if self.retry_after else ""
        return f"This API key may write to {self.limit} recipients in 24 hours and has written to {self.used}{again}"


@dataclass(eq=False)
class QuotaExhausted(Situation, PermissionError):
    """The relay takes no more for now, by our own count or by its words."""

    why: str
    retry_after: int | None

    def __str__(self) -> str:
        return f"{self.why}; {f'try again {_at(self.retry_after)}' if self.retry_after else 'send it to fewer'}"


def _at(seconds: int) -> str:
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC, in {seconds} seconds"


@dataclass(eq=False)
class IdempotencyConflict(Situation, ValueError):
    """The idempotency key was used for another request."""

    def __str__(self) -> str:
        return "This Idempotency-Key was used for another mail within 24 hours; use a new one for a new mail"


@dataclass(eq=False)
class RequestInFlight(Situation, ValueError):
    """The same request is being sent right now."""

    def __str__(self) -> str:
        return "A request with this Idempotency-Key is being sent right now; ask again for its answer"


class MessageUnknown(Situation, LookupError):
    """Nobody knows a mail of this id."""

    def __str__(self) -> str:
        return "There is no mail with this id, or it was forgotten (LEDGER_RETENTION_DAYS)"


class LedgerUnavailable(Situation, ConnectionError):
    """What is asked for stands in the ledger, which is away."""

    def __str__(self) -> str:
        return "The ledger can't be read at the moment; mail is sent all the same"


class TooManyRequests(Situation, TimeoutError):
    """As many requests, or bytes of them, are in flight as fit; nothing of this one was read."""

    def __str__(self) -> str:
        return "The mail API has too many requests in hand; nothing was sent, try again"


@dataclass(eq=False)
class RequestTimeout(Situation, TimeoutError):
    """The body did not arrive in time."""

    seconds: float

    def __str__(self) -> str:
        return f"The request's body did not arrive within {self.seconds:g} seconds"


@dataclass(eq=False)
class Refused(Situation):
    """The mail server said no, for good, with this reply."""

    status: int
    reply: str
    said: ClassVar = "The mail server refused the message"

    def __str__(self) -> str:
        return f"{self.said}: {self.status} {mask_text(self.reply)}"


class RecipientRefused(Refused):
    """A 5xx to RCPT."""

    said: ClassVar = "to: the mail server refused the recipient"


class SenderRefused(Refused):
    """A 5xx to EHLO or MAIL: the server's set-up does not fit DEFAULT_FROM, and no caller can change that."""

    said: ClassVar = "The mail server refused the sender (DEFAULT_FROM)"


class MessageRefused(Refused):
    """A 5xx to DATA or to the message itself."""


class TemporarilyRefused(Refused):
    """A 4xx: the queue's disk is full, a lookup failed. The mail was not accepted."""

    said: ClassVar = "The mail server can't take the message now; nothing was sent, try again later"


class InternationalAddress(Situation, ValueError):
    """An address needs SMTPUTF8 (RFC 6531), which the mail server does not offer."""

    def __str__(self) -> str:
        return "An address has letters outside of ASCII before the @, which the mail server does not take (SMTPUTF8)"


@dataclass(eq=False)
class MailServerUnreachable(Situation, ConnectionError):
    """No usable connection before the deadline; nothing was sent."""

    seconds: float

    def __str__(self) -> str:
        return f"The mail server could not be reached for {self.seconds:g} seconds; nothing was sent, try again later"


@dataclass(eq=False)
class MailServerBusy(Situation, TimeoutError):
    """Every connection of the pool was in use until the deadline; nothing was sent."""

    seconds: float

    def __str__(self) -> str:
        return f"All connections to the mail server were busy for {self.seconds:g} seconds; nothing was sent, try again"


@dataclass(eq=False)
class OutcomeUnknown(Situation, ConnectionError):
    """The connection ended between the end of the message and the server's answer to it."""

    message_id: str = ""

    def __str__(self) -> str:
        return (
            "The mail server did not answer after it got the whole message: it may have accepted it. "
            "Do not send it again before you have looked for it"
        )


class RequestIncomplete(Situation, ConnectionError):
    """The caller left before the whole body was there."""

    def __str__(self) -> str:
        return "The request ended before its body did"
