"""Colours by meaning: every value of a label has one colour on all dashboards.

The names are those of Grafana's palette, whose shades follow the light and the dark theme. Related values have shades
of one hue: what left in green, what waits in yellow, what came back in red.
"""

from collections.abc import Mapping
from typing import Final

from alerts.model import Severity
from alerts.request_results import DECISIONS, Blame
from mail_api.error_codes import Code
from mail_telemetry.causes import Cause
from mail_telemetry.names import DeliveryStage, Entry, Outcome, Service

GOOD: Final = "green"
GREY: Final = "#8e8e8e"
DARK_GREY: Final = "#5f5f5f"
AMBER: Final = "dark-yellow"

SEVERITIES: Final = {Severity.CRITICAL: "red", Severity.WARNING: "orange", Severity.INFO: "yellow"}
OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.SENT: GOOD,
    Outcome.BOUNCED: "red",
    Outcome.EXPIRED: "dark-red",
    Outcome.DISCARDED: GREY,
    Outcome.DELETED: DARK_GREY,
}
STATUSES: Final[Mapping[str, str]] = {
    "sent": GOOD,
    "deferred": AMBER,
    "bounced": "red",
    "softbounce": "light-red",
    "undeliverable": "dark-red",
    "deliverable": "light-green",
}
QUEUES: Final[Mapping[str, str]] = {
    "active": GOOD,
    "incoming": "blue",
    "maildrop": "light-blue",
    "deferred": AMBER,
    "hold": "purple",
    "corrupt": "red",
}
LOG_SEVERITIES: Final[Mapping[str, str]] = {"warning": "orange", "error": "red", "fatal": "dark-red", "panic": "purple"}
CAUSES: Final[Mapping[str, str]] = {
    # --- login and encryption
    Cause.AUTH: "red",
    Cause.AUTH_RATE: "light-red",
    Cause.TLS: "dark-red",
    # --- limits
    Cause.QUOTA: "orange",
    Cause.RATE: "light-orange",
    Cause.GREYLIST: AMBER,
    # --- network
    Cause.DNS: "dark-blue",
    Cause.CONNECT: "blue",
    Cause.TIMEOUT: "light-blue",
    # --- the mail itself
    Cause.RECIPIENT: "purple",
    Cause.SENDER_POLICY: "dark-purple",
    Cause.CONTENT: "light-purple",
    Cause.SIZE: "super-light-purple",
    Cause.LOOP: DARK_GREY,
    Cause.OTHER: GREY,
}
ENTRIES: Final[Mapping[str, str]] = {
    Entry.API: "blue",
    Entry.INTERNAL: "light-blue",
    Entry.SUBMISSION: "purple",
    Entry.PUBLIC: "orange",
    Entry.LOCAL: GREY,
}
STAGES: Final[Mapping[str, str]] = {
    "Before queue manager": "light-blue",
    "Queue manager": "blue",
    "Connection setup": "orange",
    "Transmission": "purple",
}
STAGE_NAMES: Final[Mapping[str, str]] = dict(zip((stage.value for stage in DeliveryStage), STAGES, strict=True))
SERVICES: Final[Mapping[str, str]] = {Service.API: "blue", Service.EXPORTER: "purple", Service.SERVER: GOOD}
TLS_TRUST: Final[Mapping[str, str]] = {
    "verified": GOOD,
    "trusted": "light-green",
    "untrusted": "orange",
    "anonymous": "blue",
}
NOTICES: Final[Mapping[str, str]] = {"failure": "red", "delay": AMBER, "postmaster": "purple", "success": GOOD}
REJECT_REASONS: Final[Mapping[str, str]] = {
    "relay_denied": "red",
    "recipient": "purple",
    "sender": "dark-purple",
    "client": "orange",
    "helo": "light-orange",
    "rate": AMBER,
    "greylist": "light-yellow",
    "blocklist": "dark-red",
    "unavailable": "light-red",
    "size": "super-light-purple",
    "content": "light-purple",
    "protocol": "blue",
    "other": GREY,
}
CLOSED_EARLY: Final[Mapping[str, str]] = {
    "lost": AMBER,
    "timeout": "light-blue",
    "errors": "red",
    "postscreen": "purple",
}
LINE_RESULTS: Final[Mapping[str, str]] = {"parsed": GOOD, "unsupported": "orange", "malformed": "red", "foreign": GREY}
QUANTILES: Final[Mapping[str, str]] = {"p50": "light-blue", "p95": "blue", "p99": "purple"}
POOL_STATES: Final[Mapping[str, str]] = {"idle": GOOD, "busy": "blue"}
QUOTA: Final[Mapping[str, str]] = {"limit": "red", "limit for websites": "orange", "used": "blue", "in queue": AMBER}
HTTP_STATUSES: Final[Mapping[str, str]] = {"2xx": GOOD, "3xx": "light-green", "4xx": AMBER, "5xx": "red"}

_BOTS: Final[Mapping[str, str]] = {
    Code.HONEYPOT: GREY,
    Code.FILLED_TOO_FAST: DARK_GREY,
    Code.RATE_LIMITED: "light-blue",
}
_OURS: Final = (
    *("red", "orange", "dark-red", "dark-orange", "light-red", "light-orange", "semi-dark-red"),
    *("semi-dark-orange", "super-light-red", "super-light-orange"),
)
_SENDERS: Final = ("blue", "purple", "dark-blue", "dark-purple", "light-purple", "super-light-purple", "yellow", AMBER)


def _results() -> Mapping[str, str]:
    """Return the colours of results: accepted green, the operator's failures red or orange, the sender's in others."""
    found: dict[str, str] = {Code.ACCEPTED: GOOD, Code.REPLAYED: "light-green", **_BOTS}
    for blame, shades in ((Blame.OPERATOR, _OURS), (Blame.SENDER, _SENDERS)):
        rest = [code for code, decision in DECISIONS.items() if decision.blame is blame and code not in found]
        found |= {code: shades[number % len(shades)] for number, code in enumerate(rest)}
    return found


RESULTS: Final[Mapping[str, str]] = _results()
