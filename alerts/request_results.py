"""Alert for each result of a send request."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from mail_api.error_codes import Code


class Blame(StrEnum):
    """Side that can correct the failure."""

    NONE = "no failure"
    SENDER = "sender"
    OPERATOR = "operator"


class Decision(NamedTuple):
    """The alert that a result raises by itself, if any, and the reason."""

    blame: Blame
    alert: str | None
    reason: str


FAILING: Final = "MailApiFailing"
REFUSES_EVERYTHING: Final = "MailApiRefusesEverything"
REFUSES_FOR_QUOTA: Final = "MailApiRefusesForQuota"
KEY_AT_LIMIT: Final = "MailApiKeyAtLimit"
OVERLOADED: Final = "MailApiOverloaded"

_SITE: Final = (
    "the request is wrong; if a site that worked before is refused for a day, the site or a setting has changed"
)


def _site(reason: str = _SITE) -> Decision:
    return Decision(Blame.SENDER, REFUSES_EVERYTHING, reason)


def _failed(reason: str) -> Decision:
    return Decision(Blame.OPERATOR, FAILING, reason)


DECISIONS: Final[Mapping[Code, Decision]] = {
    Code.ACCEPTED: Decision(Blame.NONE, None, "the mail server has the mail"),
    Code.REPLAYED: Decision(Blame.NONE, None, "a repeated request got the answer of the first one"),
    # --- sender
    Code.INVALID_REQUEST: _site(),
    Code.UNSUPPORTED_MEDIA_TYPE: _site(),
    Code.REQUEST_TOO_LARGE: _site(),
    Code.REQUEST_TIMEOUT: _site(
        "the body came too slowly: a bad connection; if it lasts a day, a proxy that breaks requests"
    ),
    Code.INTERNATIONAL_ADDRESS: _site(),
    Code.RECIPIENT_REFUSED: _site(),
    Code.MESSAGE_REFUSED: _site(),
    Code.KEY_INVALID: _site(),
    Code.RECIPIENT_NOT_ALLOWED: _site(),
    Code.SENDER_NOT_ALLOWED: _site(),
    Code.ORIGIN_NOT_ALLOWED: _site(),
    Code.REDIRECT_NOT_ALLOWED: _site(),
    Code.CAPTCHA_MISSING: _site("a bot; if it lasts a day, a page whose form lacks the captcha"),
    Code.CAPTCHA_FAILED: Decision(Blame.SENDER, None, "mostly a bot; a person solves the captcha again"),
    Code.TOO_MANY_LINKS: Decision(Blame.SENDER, None, "mostly spam; the answer names the limit (MAX_LINKS)"),
    Code.IDEMPOTENCY_CONFLICT: _site("the program uses one idempotency key for several mails"),
    Code.REQUEST_IN_FLIGHT: Decision(Blame.SENDER, None, "the first request with this idempotency key gets the answer"),
    Code.RATE_LIMITED: Decision(
        Blame.SENDER,
        None,
        "one address or key sends too fast, mostly a bot, and may send again within the rate's time; the API logs a "
        "warning when visitors share one address",
    ),
    Code.FILLED_TOO_FAST: Decision(Blame.SENDER, None, "mostly a bot; a person sends again after some seconds"),
    Code.HONEYPOT: Decision(
        Blame.SENDER,
        None,
        "a bot or a browser's autofill filled the hidden field; the mail is kept and can be released",
    ),
    Code.INTERRUPTED: Decision(
        Blame.SENDER, None, "the caller closed the connection, or the API was stopped (MailApiDown)"
    ),
    # --- operator
    Code.QUOTA_EXHAUSTED: Decision(
        Blame.OPERATOR,
        REFUSES_FOR_QUOTA,
        "not enough is left of the relay's limit, less the reserve; if nothing is left, MailQuotaNoRoom fires instead",
    ),
    Code.KEY_LIMIT_REACHED: Decision(
        Blame.OPERATOR, KEY_AT_LIMIT, "the operator set this limit; the sender can only wait"
    ),
    Code.TOO_MANY_REQUESTS: Decision(Blame.OPERATOR, OVERLOADED, "more requests at once than MAX_CONCURRENT_REQUESTS"),
    Code.MAIL_SERVER_UNREACHABLE: _failed("the mail server does not answer"),
    Code.MAIL_SERVER_BUSY: _failed("all connections to the mail server are in use"),
    Code.TEMPORARILY_REFUSED: _failed("the mail server has no room, or a lookup failed"),
    Code.SENDER_REFUSED: _failed("the mail server rejects DEFAULT_FROM"),
    Code.KEY_UNVERIFIABLE: _failed("the ledger, which holds the keys, cannot be read"),
    Code.CAPTCHA_UNAVAILABLE: _failed("the captcha provider does not answer, or rejects the secret key"),
    Code.OUTCOME_UNKNOWN: _failed(
        "the connection ended before the mail server's reply; the API answers 202 and `success: false`"
    ),
    Code.INTERNAL_ERROR: _failed("a defect"),
}
"""The decision for every result of `mail_api_messages_total`."""


def results_of(alert: str) -> str:
    """Return a regular expression of the results that raise the alert."""
    return "|".join(sorted(code for code, decision in DECISIONS.items() if decision.alert == alert))
