"""Everything that can go wrong with a request: situations with their data, and one table that makes answers of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from mail_telemetry.masking import mask_text


class Code(StrEnum):
    """The closed list of refusals, as metrics, log lines and span attributes name them."""

    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    REQUEST_TOO_LARGE = "request_too_large"
    RECIPIENT_NOT_ALLOWED = "recipient_not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    RECIPIENT_REFUSED = "recipient_refused"
    MESSAGE_REFUSED = "message_refused"
    SENDER_REFUSED = "sender_refused"
    TEMPORARILY_REFUSED = "temporarily_refused"
    MAIL_SERVER_UNREACHABLE = "mail_server_unreachable"
    MAIL_SERVER_BUSY = "mail_server_busy"
    OUTCOME_UNKNOWN = "outcome_unknown"
    INTERRUPTED = "interrupted"
    INTERNAL_ERROR = "internal_error"


class Situation(Exception):
    """Base of the situations; `str()` of one is what its caller reads, and never holds a full address."""


@dataclass(eq=False)
class InvalidRequest(Situation, ValueError):
    """Fields that can't be used, each with its problem."""

    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "; ".join(f"{field}: {problem}" for field, problem in self.problems)


class UnsupportedMediaType(Situation, ValueError):
    """The body is not declared as JSON."""

    def __str__(self) -> str:
        return "Send JSON, with the header Content-Type: application/json"


@dataclass(eq=False)
class RequestTooLarge(Situation, ValueError):
    """The body exceeds MAX_REQUEST_BYTES."""

    limit: int

    def __str__(self) -> str:
        return f"The request is larger than {self.limit} bytes (MAX_REQUEST_BYTES)"


@dataclass(eq=False)
class RecipientNotAllowed(Situation, PermissionError):
    """A caller without a key wants to write to a stranger."""

    recipient: str

    def __str__(self) -> str:
        return "to: this recipient is not in ALLOWED_RECIPIENTS"


@dataclass(eq=False)
class OriginNotAllowed(Situation, PermissionError):
    """A page of a foreign site calls."""

    origin: str

    def __str__(self) -> str:
        return "The site that this request comes from is not in ALLOWED_HOSTS"


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


@dataclass(frozen=True, slots=True)
class Answer:
    """How a situation looks over HTTP."""

    status: int
    code: Code
    retry_after: int | None = None


ANSWERS: Final[Mapping[type[Exception], Answer]] = {
    InvalidRequest: Answer(400, Code.INVALID_REQUEST),
    RequestIncomplete: Answer(400, Code.INVALID_REQUEST),
    RecipientRefused: Answer(400, Code.RECIPIENT_REFUSED),
    MessageRefused: Answer(400, Code.MESSAGE_REFUSED),
    RecipientNotAllowed: Answer(403, Code.RECIPIENT_NOT_ALLOWED),
    OriginNotAllowed: Answer(403, Code.ORIGIN_NOT_ALLOWED),
    RequestTooLarge: Answer(413, Code.REQUEST_TOO_LARGE),
    UnsupportedMediaType: Answer(415, Code.UNSUPPORTED_MEDIA_TYPE),
    SenderRefused: Answer(503, Code.SENDER_REFUSED),
    TemporarilyRefused: Answer(503, Code.TEMPORARILY_REFUSED, retry_after=60),
    MailServerUnreachable: Answer(503, Code.MAIL_SERVER_UNREACHABLE, retry_after=30),
    MailServerBusy: Answer(503, Code.MAIL_SERVER_BUSY, retry_after=5),
    # No Retry-After: a second attempt might be a second mail.
    OutcomeUnknown: Answer(503, Code.OUTCOME_UNKNOWN),
}

INTERNAL: Final = Answer(500, Code.INTERNAL_ERROR)


def answer_to(problem: BaseException) -> Answer:
    """Return the table's row for the situation; anything that is none of them is an internal error."""
    return ANSWERS.get(type(problem), INTERNAL)  # type: ignore[arg-type]
