"""Errors of the API: each is a situation with its data. `error_codes` maps them to HTTP statuses and codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, TypeAlias

from mail_telemetry.masking import mask_text

Problem: TypeAlias = tuple[str, str]
"""A field, and what is wrong with it."""


class ApiError(Exception):
    """Base of the errors; `str()` of one is the message for the caller, and never holds a full address."""

    message: ClassVar[str] = ""

    retry_after: int | None = None
    """Seconds after which a retry can succeed, if known."""

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by field."""
        return {}

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class FieldsRefused(ApiError):
    """Base of errors about single fields, each with its problem."""

    problems: tuple[Problem, ...]

    @property
    def errors(self) -> Mapping[str, str]:  # noqa: D102 - as in the base
        return dict(self.problems)

    def __str__(self) -> str:
        return "; ".join(f"{field}: {problem}" for field, problem in self.problems)


class InvalidRequest(FieldsRefused, ValueError):
    """Fields that are missing or invalid."""


class RecipientNotAllowed(FieldsRefused, PermissionError):
    """A caller without a key addresses a recipient that is not allowed."""

    def __init__(self, field: str = "to") -> None:
        problem = "this recipient is not in ALLOWED_RECIPIENTS; how to allow it: docs/api-reference.md#recipients"
        super().__init__(((field, problem),))


class SenderNotAllowed(FieldsRefused, PermissionError):
    """The API key has a list of senders, and this address is not on it."""

    def __init__(self) -> None:
        problem = "is not among the senders of this API key; a visitor's address goes into reply_to"
        super().__init__((("from", problem),))


class KeyInvalid(ApiError, PermissionError):
    """No API key, or one that does not exist or was revoked."""

    message = "This needs a valid API key, as the header Authorization: Bearer dm_..."


class KeyRightMissing(ApiError, PermissionError):
    """The API key is valid, and has no right to read and release caught mails."""

    message = "This API key may not release caught mails; create one with: mail-ledger api-key create NAME --release"


class KeyUnverifiable(ApiError, ConnectionError):
    """The ledger, which holds the keys, is unavailable."""

    message = "API keys can't be checked at the moment; nothing was sent, try again"


class RedirectNotAllowed(FieldsRefused, PermissionError):
    """The form's `redirect` is a page of a site that is not allowed."""

    def __init__(self) -> None:
        super().__init__((("redirect", "must be an address on a site of ALLOWED_HOSTS"),))


class UnsupportedMediaType(ApiError, ValueError):
    """The body is neither JSON nor a form."""

    message = "Send JSON, with the header Content-Type: application/json, or an HTML form"


@dataclass(eq=False)
class RequestTooLarge(ApiError, ValueError):
    """More bytes than the named variable allows."""

    limit: int
    variable: str = "MAX_REQUEST_BYTES"

    def __str__(self) -> str:
        return f"The request is larger than {self.limit} bytes ({self.variable})"


class OriginNotAllowed(ApiError, PermissionError):
    """The request comes from a page of a site that is not allowed."""

    message = "The site that this request comes from is not in ALLOWED_HOSTS"


@dataclass(eq=False)
class HoneypotFilled(ApiError, PermissionError):
    """A hidden field (HONEYPOT_FIELD) is filled. The caller gets the answer of a success."""

    field: str
    message_id: str
    """The id in that answer; a kept mail has the same id."""
    redirect: str | None = None
    """The page after a success, for a form that names one."""
    note: str = ""
    """Whether the mail is kept, and why not; for the log."""

    def __str__(self) -> str:
        return f"the hidden field {self.field} is filled{self.note and f'; {self.note}'}"


@dataclass(eq=False)
class TooManyLinks(ApiError, ValueError):
    """The text of a request has more different links than allowed."""

    found: int
    limit: int

    def __str__(self) -> str:
        return f"The text has {self.found} links; at most {self.limit} are allowed (MAX_LINKS)"


class CaptchaMissing(FieldsRefused, PermissionError):
    """The request has no captcha token."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(tuple((field, "is required: the captcha of the form was not solved") for field in fields))


@dataclass(eq=False)
class CaptchaFailed(ApiError, PermissionError):
    """The captcha token is not valid, is too old, or was used before; `host` is set when another site made it."""

    host: str | None = None

    def __str__(self) -> str:
        if self.host is None:
            return "The captcha is not valid, too old, or was used before; solve it again"
        return f"The captcha was solved on the site {self.host[:100] or '(unknown)'}, which is not in ALLOWED_HOSTS"


class CaptchaUnavailable(ApiError, ConnectionError):
    """The captcha provider gave no valid answer, or rejected our secret key."""

    message = "The captcha can't be checked at the moment; nothing was sent, try again"


@dataclass(eq=False)
class FilledTooFast(ApiError, PermissionError):
    """The form was sent sooner after it was opened than a person could fill it."""

    retry_after: int

    def __str__(self) -> str:
        return f"The form was sent very soon after it was opened; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class RateLimited(ApiError, PermissionError):
    """A client address reached RATE_LIMIT."""

    retry_after: int

    def __str__(self) -> str:
        return f"Too many requests from this address; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class KeyRateLimited(ApiError, PermissionError):
    """An API key reached its requests per minute."""

    retry_after: int

    def __str__(self) -> str:
        return f"Too many requests with this API key; try again in {self.retry_after} seconds"


@dataclass(eq=False)
class KeyLimitExceeded(ApiError, PermissionError):
    """An API key reached its recipients per 24 hours."""

    limit: int
    used: int
    retry_after: int | None

    def __str__(self) -> str:
        again = f"; try again {_at(self.retry_after)}" if self.retry_after else ""
        return f"This API key may write to {self.limit} recipients in 24 hours and has written to {self.used}{again}"


@dataclass(eq=False)
class QuotaExhausted(ApiError, PermissionError):
    """The relay's limit is reached, by our count or by the relay's own reply."""

    why: str
    retry_after: int | None

    def __str__(self) -> str:
        return f"{self.why}; {f'try again {_at(self.retry_after)}' if self.retry_after else 'send it to fewer'}"


def _at(seconds: int) -> str:
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC, in {seconds} seconds"


class IdempotencyConflict(ApiError, ValueError):
    """The idempotency key was used for another request."""

    message = "This Idempotency-Key was used for another mail within 24 hours; use a new one for a new mail"


class RequestInFlight(ApiError, ValueError):
    """A request with the same idempotency key is in progress."""

    message = "A request with this Idempotency-Key is being sent now; repeat yours in some seconds to get its result"


class MessageUnknown(ApiError, LookupError):
    """The ledger has no mail with this id."""

    message = "There is no mail with this id, or it was deleted after LEDGER_RETENTION_DAYS"


class LedgerUnavailable(ApiError, ConnectionError):
    """The answer is in the ledger, which is unavailable."""

    message = "The ledger can't be read at the moment, so no status is known; mail is still sent"


class TooManyRequests(ApiError, RuntimeError):
    """MAX_CONCURRENT_REQUESTS are in progress, or their bodies fill the memory for them."""

    message = "The mail API has too many requests in progress; nothing was sent, try again"


@dataclass(eq=False)
class RequestTimeout(ApiError, TimeoutError):
    """The body did not arrive in time."""

    seconds: float

    def __str__(self) -> str:
        return f"The request's body did not arrive within {self.seconds:g} seconds"


@dataclass(eq=False)
class Refused(ApiError):
    """Base of the mail server's refusals, with its reply."""

    status: int
    reply: str
    prefix: ClassVar = "The mail server refused the message"

    def __str__(self) -> str:
        return f"{self.prefix}: {self.status} {mask_text(self.reply)}"


class RecipientRefused(Refused):
    """A 5xx to RCPT."""

    prefix: ClassVar = "to: the mail server refused the recipient"


class SenderRefused(Refused):
    """A 5xx to MAIL: the mail server does not accept DEFAULT_FROM, which no caller can change."""

    prefix: ClassVar = "The mail server refused the sender (DEFAULT_FROM)"


class MessageRefused(Refused):
    """A 5xx to DATA or to the message itself."""


class TemporarilyRefused(Refused):
    """A 4xx, for example because the queue's disk is full or a lookup failed. The mail was not accepted."""

    prefix: ClassVar = "The mail server can't take the message now; nothing was sent, try again later"


class InternationalAddress(ApiError, ValueError):
    """An address needs SMTPUTF8 (RFC 6531), which the mail server does not offer."""

    message = "An address has letters outside of ASCII before the @, which the mail server does not take (SMTPUTF8)"


@dataclass(eq=False)
class MailServerUnreachable(ApiError, ConnectionError):
    """No usable connection before the deadline; nothing was sent."""

    seconds: float

    def __str__(self) -> str:
        return f"The mail server could not be reached for {self.seconds:g} seconds; nothing was sent, try again later"


@dataclass(eq=False)
class MailServerBusy(ApiError, TimeoutError):
    """Every connection of the pool was in use until the deadline; nothing was sent."""

    seconds: float

    def __str__(self) -> str:
        return f"All connections to the mail server were busy for {self.seconds:g} seconds; nothing was sent, try again"


@dataclass(eq=False)
class OutcomeUnknown(ApiError, ConnectionError):
    """The mail server's answer to the message is missing: it may have accepted the mail."""

    message = "The mail server did not confirm the message, but may have accepted it; do not send it again"
    message_id: str = ""


class RequestIncomplete(ApiError, ConnectionError):
    """The caller disconnected before the end of the body."""

    message = "The request ended before its body did"
