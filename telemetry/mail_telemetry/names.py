"""Every name that leaves this system: services, spans, attributes, metrics and their closed vocabularies.

Dashboards, rules, docs and tests take names from here, so that none of them can name what nobody emits.
There is no semantic convention for mail (open-telemetry/semantic-conventions#1945), hence the `mail.*`
namespace; server.*, error.type and the HTTP names are the stable conventions.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Service(StrEnum):
    """The `service.name` of each hop, which is also its container's name."""

    API = "mail-api"
    SERVER = "mail-server"
    EXPORTER = "mail-exporter"


class Entry(StrEnum):
    """Where a mail came in (DESIGN: one vocabulary for metrics, ledger and spans)."""

    API = "api"
    INTERNAL = "internal"
    PUBLIC = "public"
    SUBMISSION = "submission"
    LOCAL = "local"


class SpanName(StrEnum):
    """The spans below the HTTP request, in the order of a mail's way."""

    SUBMIT = "smtp submit"
    RECEIVE = "postfix receive"
    QUEUE = "postfix queue"
    ATTEMPT = "postfix deliver"
    CONNECT = "postfix connect"
    TRANSMIT = "postfix transmit"


class Attribute(StrEnum):
    """Span attributes and log fields; none of them ever holds a full address."""

    MESSAGE_ID = "mail.message_id"
    QUEUE_ID = "mail.queue_id"
    ENTRY = "mail.entry"
    SIZE = "mail.size"
    RECIPIENT_COUNT = "mail.recipient_count"
    RECIPIENT_DOMAIN = "mail.recipient_domain"
    ATTEMPT_NUMBER = "mail.attempt"
    STATUS = "mail.status"
    DSN = "mail.dsn"
    CAUSE = "mail.cause"
    REPLY = "mail.reply"
    SERVER_ADDRESS = "server.address"
    SERVER_PORT = "server.port"
    ERROR_TYPE = "error.type"
    RESULT = "mail.result"
    RECIPIENT = "mail.recipient"
    DURATION = "duration_seconds"
    HTTP_METHOD = "http.request.method"
    HTTP_ROUTE = "http.route"
    HTTP_STATUS = "http.response.status_code"


REPLY_EVENT: Final = "relay answered"
"""The span event that carries the relay's own words, masked."""

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family as it is registered and documented."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """The name in the exposition: counters end in `_total` there."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_SECONDS_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SECONDS_DELIVERY = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1800.0,
    3600.0,
    21600.0,
    86400.0,
)

# --- mail-api --------------------------------------------------------------------------------------
API_MESSAGES = Metric(
    "mail_api_messages",
    "counter",
    "Requests to send, by result: accepted after Postfix said 250, or the code of the refusal.",
    ("result",),
)
API_SUBMISSION_SECONDS = Metric(
    "mail_api_submission_duration_seconds",
    "histogram",
    "Time of one SMTP submission to Postfix, waiting for a pooled connection included.",
    (),
    _SECONDS_SHORT,
)
API_SUBMISSION_RETRIES = Metric(
    "mail_api_submission_retries",
    "counter",
    "Submissions tried again because Postfix could not be reached or said a 4xx before the message was sent.",
)
API_CONNECTIONS = Metric(
    "mail_api_smtp_connections",
    "gauge",
    "Connections to Postfix that the pool holds, by state.",
    ("state",),
)

# --- mail-exporter: what the log tells -------------------------------------------------------------
DELIVERY_ATTEMPTS = Metric(
    "postfix_delivery_attempts",
    "counter",
    "Delivery attempts, one per recipient and try, by status.",
    ("status",),
)
RELAY_FAILURES = Metric(
    "postfix_relay_failures",
    "counter",
    "Attempts that the relay did not take, by cause; every cause is there from the start.",
    ("cause",),
)
DELIVERY_STAGE_SECONDS = Metric(
    "postfix_delivery_stage_seconds",
    "histogram",
    "Time that a delivery attempt spent in each of Postfix's four stages (the `delays=` of its log line).",
    ("stage",),
    _SECONDS_DELIVERY,
)
MESSAGES_RECEIVED = Metric(
    "postfix_messages_received",
    "counter",
    "Mails that entered the queue, by where they came in.",
    ("entry",),
)
LOG_LINES = Metric(
    "postfix_log_lines",
    "counter",
    "Log lines read, by result: parsed, foreign (not Postfix's), unsupported (Postfix's, not understood), "
    "malformed (no log envelope).",
    ("result",),
)

# --- mail-exporter: what the queue tells -----------------------------------------------------------
QUEUE_MESSAGES = Metric(
    "postfix_queue_messages", "gauge", "Mails in the queue at the time of the scrape, by queue.", ("queue",)
)
QUEUE_OLDEST_AGE_SECONDS = Metric(
    "postfix_queue_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest mail in each queue; 0 when the queue is empty.",
    ("queue",),
)

# --- mail-exporter: about itself -------------------------------------------------------------------
SCRAPE_SUCCESS = Metric(
    "mail_exporter_scrape_success",
    "gauge",
    "1 when the part could be read at the last scrape, 0 when it could not; the other parts still report.",
    ("part",),
)
LOG_LAST_LINE_TIMESTAMP_SECONDS = Metric(
    "mail_exporter_log_last_line_timestamp_seconds",
    "gauge",
    "Unix time of the newest log line that was read; 0 before the first.",
)
SPANS = Metric(
    "mail_exporter_spans",
    "counter",
    "Spans made from the log and handed to the batch exporter.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
