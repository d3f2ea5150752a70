"""Codes of the API's answers, and the table from errors to HTTP status and code."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mail_api.errors import (
    CaptchaFailed,
    CaptchaMissing,
    CaptchaUnavailable,
    FilledTooFast,
    HoneypotFilled,
    IdempotencyConflict,
    InternationalAddress,
    InvalidRequest,
    KeyInvalid,
    KeyLimitExceeded,
    KeyRateLimited,
    KeyRightMissing,
    KeyUnverifiable,
    LedgerUnavailable,
    MailServerBusy,
    MailServerUnreachable,
    MessageRefused,
    MessageUnknown,
    OriginNotAllowed,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    RecipientNotAllowed,
    RecipientRefused,
    RedirectNotAllowed,
    RequestIncomplete,
    RequestInFlight,
    RequestTimeout,
    RequestTooLarge,
    SenderNotAllowed,
    SenderRefused,
    TemporarilyRefused,
    TooManyLinks,
    TooManyRequests,
    UnsupportedMediaType,
)


class Code(StrEnum):
    """Values of `code` in answers; for requests to send also in metrics, log lines and spans."""

    ACCEPTED = "accepted"
    INVALID_REQUEST = "invalid_request"
    INTERNATIONAL_ADDRESS = "international_address"
    RECIPIENT_REFUSED = "recipient_refused"
    MESSAGE_REFUSED = "message_refused"
    TOO_MANY_LINKS = "too_many_links"
    KEY_INVALID = "key_invalid"
    RECIPIENT_NOT_ALLOWED = "recipient_not_allowed"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    REDIRECT_NOT_ALLOWED = "redirect_not_allowed"
    KEY_RIGHT_MISSING = "key_right_missing"
    CAPTCHA_MISSING = "captcha_missing"
    CAPTCHA_FAILED = "captcha_failed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    REQUEST_IN_FLIGHT = "request_in_flight"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    FILLED_TOO_FAST = "filled_too_fast"
    QUOTA_EXHAUSTED = "quota_exhausted"
    KEY_LIMIT_REACHED = "key_limit_reached"
    INTERNAL_ERROR = "internal_error"
    SENDER_REFUSED = "sender_refused"
    TEMPORARILY_REFUSED = "temporarily_refused"
    MAIL_SERVER_UNREACHABLE = "mail_server_unreachable"
    MAIL_SERVER_BUSY = "mail_server_busy"
    TOO_MANY_REQUESTS = "too_many_requests"
    KEY_UNVERIFIABLE = "key_unverifiable"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    CAPTCHA_UNAVAILABLE = "captcha_unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    REPLAYED = "replayed"
    HONEYPOT = "honeypot"
    INTERRUPTED = "interrupted"


ROUTING: Final[Mapping[int, Code]] = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}
"""Codes of the answers that the router makes by itself, by status."""

_NOT_SENDING: Final = frozenset({*ROUTING.values(), Code.LEDGER_UNAVAILABLE, Code.KEY_RIGHT_MISSING})

RESULTS: Final = tuple(code for code in Code if code not in _NOT_SENDING)
"""Codes that a request to send can end with."""


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and code of an error; `retry_after` in seconds."""

    status: int
    code: Code
    retry_after: int | None = None


ANSWERS: Final[Mapping[type[Exception], Answer]] = {
    InvalidRequest: Answer(400, Code.INVALID_REQUEST),
    RequestIncomplete: Answer(400, Code.INVALID_REQUEST),
    InternationalAddress: Answer(400, Code.INTERNATIONAL_ADDRESS),
    RecipientRefused: Answer(400, Code.RECIPIENT_REFUSED),
    MessageRefused: Answer(400, Code.MESSAGE_REFUSED),
    TooManyLinks: Answer(400, Code.TOO_MANY_LINKS),
    KeyInvalid: Answer(401, Code.KEY_INVALID),
    RecipientNotAllowed: Answer(403, Code.RECIPIENT_NOT_ALLOWED),
    SenderNotAllowed: Answer(403, Code.SENDER_NOT_ALLOWED),
    OriginNotAllowed: Answer(403, Code.ORIGIN_NOT_ALLOWED),
    RedirectNotAllowed: Answer(403, Code.REDIRECT_NOT_ALLOWED),
    KeyRightMissing: Answer(403, Code.KEY_RIGHT_MISSING),
    CaptchaMissing: Answer(403, Code.CAPTCHA_MISSING),
    CaptchaFailed: Answer(403, Code.CAPTCHA_FAILED),
    MessageUnknown: Answer(404, Code.NOT_FOUND),
    RequestTimeout: Answer(408, Code.REQUEST_TIMEOUT),
    IdempotencyConflict: Answer(409, Code.IDEMPOTENCY_CONFLICT),
    RequestInFlight: Answer(409, Code.REQUEST_IN_FLIGHT, retry_after=1),
    RequestTooLarge: Answer(413, Code.REQUEST_TOO_LARGE),
    UnsupportedMediaType: Answer(415, Code.UNSUPPORTED_MEDIA_TYPE),
    RateLimited: Answer(429, Code.RATE_LIMITED),
    KeyRateLimited: Answer(429, Code.RATE_LIMITED),
    KeyLimitExceeded: Answer(429, Code.KEY_LIMIT_REACHED),
    QuotaExhausted: Answer(429, Code.QUOTA_EXHAUSTED),
    FilledTooFast: Answer(429, Code.FILLED_TOO_FAST),
    SenderRefused: Answer(503, Code.SENDER_REFUSED),
    TemporarilyRefused: Answer(503, Code.TEMPORARILY_REFUSED, retry_after=60),
    MailServerUnreachable: Answer(503, Code.MAIL_SERVER_UNREACHABLE, retry_after=30),
    MailServerBusy: Answer(503, Code.MAIL_SERVER_BUSY, retry_after=5),
    TooManyRequests: Answer(503, Code.TOO_MANY_REQUESTS, retry_after=5),
    KeyUnverifiable: Answer(503, Code.KEY_UNVERIFIABLE, retry_after=5),
    LedgerUnavailable: Answer(503, Code.LEDGER_UNAVAILABLE, retry_after=5),
    CaptchaUnavailable: Answer(503, Code.CAPTCHA_UNAVAILABLE, retry_after=30),
    # Not 503, which clients and proxies retry: a second attempt may be a second mail.
    OutcomeUnknown: Answer(202, Code.OUTCOME_UNKNOWN),
    # Counted and logged under its own code; the caller gets the same answer as after a success.
    HoneypotFilled: Answer(200, Code.HONEYPOT),
}

INTERNAL: Final = Answer(500, Code.INTERNAL_ERROR)


def answer_to(problem: BaseException) -> Answer:
    """Return the table's row for an error; an unexpected one is an internal error."""
    return ANSWERS.get(type(problem), INTERNAL)  # type: ignore[arg-type]


def result_of(error: BaseException) -> Code:
    """Return the result of a request to send that ended in this error."""
    return Code.INTERRUPTED if isinstance(error, asyncio.CancelledError) else answer_to(error).code
