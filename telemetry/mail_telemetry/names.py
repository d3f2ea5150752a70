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


class Outcome(StrEnum):
    """What became of a mail for one recipient."""

    SENT = "sent"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELETED = "deleted"
    DISCARDED = "discarded"


class SpanName(StrEnum):
    """The spans below the HTTP request, in the order of a mail's way."""

    SUBMIT = "smtp submit"
    RECEIVE = "postfix receive"
    ATTEMPT = "postfix deliver"
    WAIT = "postfix wait"
    QUEUE = "postfix queue"
    CONNECT = "postfix connect"
    TRANSMIT = "postfix transmit"
    FINISH = "postfix finish"


class Stage(StrEnum):
    """Postfix's four stages of an attempt, as in `delays=a/b/c/d`."""

    BEFORE_QUEUE_MANAGER = "before_queue_manager"
    QUEUE_MANAGER = "queue_manager"
    CONNECTION_SETUP = "connection_setup"
    TRANSMISSION = "transmission"


class Relation(StrEnum):
    """What a linked mail is to the one whose span holds the link."""

    ABOUT = "about"
    """The mail that this bounce or notice is about."""
    NOTICE = "notice"
    """A bounce or notice about this mail."""


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
    STAGE = "mail.stage"
    TIME_PRECISION = "mail.time_precision_seconds"
    FORWARDED = "mail.forwarded"
    ATTEMPTS = "mail.attempts"
    OUTCOME = "mail.outcome"
    RELATION = "mail.relation"
    SERVER_ADDRESS = "server.address"
    SERVER_PORT = "server.port"
    ERROR_TYPE = "error.type"
    RESULT = "mail.result"
    RECIPIENT = "mail.recipient"
    ENDED = "mail.ended"
    STAGE_SECONDS = "mail.stage_seconds"
    DURATION = "duration_seconds"
    METADATA = "mail.metadata"
    REQUEST_ID = "http.request.id"
    HTTP_METHOD = "http.request.method"
    HTTP_ROUTE = "http.route"
    HTTP_STATUS = "http.response.status_code"


class LogLine(StrEnum):
    """The messages of the lines that tell a mail's story."""

    ACCEPTED = "mail accepted"
    NOT_ACCEPTED = "mail not accepted"
    ANSWERED = "request answered"
    ATTEMPT = "delivery attempt ended"
    FINISH = "mail left the queue"


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

_BYTES = (1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 2.5e7)

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
API_LEDGER_FAULTS = Metric(
    "mail_api_ledger_faults",
    "counter",
    "What the ledger should have done and could not, by operation; mail is sent all the same. key: check a key or "
    "count its request; begin, claim, finish: write a mail down; quota, status: read; settle, prune: look after it.",
    ("operation",),
)
LEDGER_OPERATIONS: Final = ("key", "begin", "claim", "finish", "quota", "status", "settle", "prune")

API_INVALID_KEYS = Metric(
    "mail_api_invalid_keys",
    "counter",
    "Requests with an API key that is not valid, by path.",
    ("path",),
)
PATHS_WITH_KEYS: Final = ("/send", "/messages", "/messages/{message_id}", "/quota", "/ready")

API_SPANS = Metric(
    "mail_api_spans",
    "counter",
    "Spans of requests that were exported or dropped.",
)
API_SPANS_DROPPED = Metric(
    "mail_api_spans_dropped",
    "counter",
    "Spans that were dropped, because an export failed or too many waited for one.",
)
API_LOG_LINES_LOST = Metric(
    "mail_api_log_lines_lost",
    "counter",
    "Log lines that were lost, because stdout was too slow or closed.",
)

# --- mail-exporter: what the log tells -------------------------------------------------------------
MESSAGES_RECEIVED = Metric(
    "postfix_messages_received",
    "counter",
    "Mails that entered the queue, by where they came in.",
    ("entry",),
)
MESSAGE_SIZE_BYTES = Metric(
    "postfix_message_size_bytes",
    "histogram",
    "Size of the mails that entered the queue.",
    (),
    _BYTES,
)
DELIVERY_ATTEMPTS = Metric(
    "postfix_delivery_attempts",
    "counter",
    "Delivery attempts, one per recipient and try, by status and where to: the configured relay by its name, other "
    "(servers), local (agents of this server), none (nobody was reached).",
    ("status", "relay"),
)
RELAY_FAILURES = Metric(
    "postfix_relay_failures",
    "counter",
    "Attempts that the relay did not take, by cause; every cause is there from the start.",
    ("cause",),
)
DELIVERIES_SUSPENDED = Metric(
    "postfix_deliveries_suspended",
    "counter",
    "Attempts that Postfix did not make because the destination had just failed, by that failure's cause.",
    ("cause",),
)
DELIVERY_STAGE_SECONDS = Metric(
    "postfix_delivery_stage_seconds",
    "histogram",
    "Time that a delivery attempt spent in each of Postfix's four stages (the `delays=` of its log line); the first "
    "stage of first attempts only, since Postfix counts earlier waits into it.",
    ("stage",),
    _SECONDS_DELIVERY,
)
RECIPIENTS_FINISHED = Metric(
    "postfix_recipients_finished",
    "counter",
    "Recipients whose mail left the queue, once for each: by outcome, where the mail came in, and whether an alias of "
    "this server had forwarded it (a forward of a stranger's mail is entry public, forwarded yes).",
    ("outcome", "entry", "forwarded"),
)
DELIVERY_SECONDS = Metric(
    "postfix_delivery_duration_seconds",
    "histogram",
    "Time from a mail's arrival to its end for a recipient, all attempts and waits included, by outcome.",
    ("outcome",),
    _SECONDS_DELIVERY,
)
NOTICES = Metric(
    "postfix_notices",
    "counter",
    "Mails that Postfix wrote about other mails: failure (a bounce), delay, success, postmaster.",
    ("kind",),
)
TLS_SESSIONS = Metric(
    "postfix_tls_sessions",
    "counter",
    "TLS sessions that began, by direction, protocol and how far the other side's certificate was trusted.",
    ("direction", "protocol", "trust"),
)
SMTPD_CONNECTIONS = Metric(
    "postfix_smtpd_connections",
    "counter",
    "Clients that connected, by listener; the server's own health checks apart.",
    ("entry",),
)
SMTPD_ABORTS = Metric(
    "postfix_smtpd_aborted_sessions",
    "counter",
    "Clients that went without QUIT: lost, timeout, errors (too many).",
    ("entry", "how"),
)
SMTPD_REJECTS = Metric(
    "postfix_smtpd_rejects",
    "counter",
    "Clients, senders, recipients and mails that were refused at the door, by listener and reason.",
    ("entry", "reason"),
)
SMTPD_AUTH_FAILURES = Metric(
    "postfix_smtpd_auth_failures",
    "counter",
    "Logins of clients that failed, by listener.",
    ("entry",),
)
POSTSCREEN_VERDICTS = Metric(
    "postfix_postscreen_verdicts",
    "counter",
    "What postscreen thought of clients, where it is used.",
    ("verdict",),
)
SERVER_TURNS = Metric(
    "postfix_server_turns",
    "counter",
    "How often Postfix was started, reloaded and stopped.",
    ("turn",),
)
COMPLAINTS = Metric(
    "postfix_log_complaints",
    "counter",
    "Log lines with a severity, by severity; a failed login has its own metric.",
    ("severity",),
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
QUEUE_BYTES = Metric("postfix_queue_size_bytes", "gauge", "Bytes of the mails in each queue.", ("queue",))
QUEUE_OLDEST_AGE_SECONDS = Metric(
    "postfix_queue_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest mail in each queue; 0 when the queue is empty.",
    ("queue",),
)
DEFERRED_MESSAGES = Metric(
    "postfix_queue_deferred_messages", "gauge", "Mails in the queue that wait for another try, by cause.", ("cause",)
)
DEFERRED_BYTES = Metric("postfix_queue_deferred_size_bytes", "gauge", "Bytes of these mails, by cause.", ("cause",))
DEFERRED_OLDEST_AGE_SECONDS = Metric(
    "postfix_queue_deferred_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest of these mails, by cause; 0 when there is none.",
    ("cause",),
)

# --- mail-exporter: what it sees of the server ------------------------------------------------------
CERTIFICATE_EXPIRY_SECONDS = Metric(
    "postfix_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "Unix time at which the certificate of the submission port ends; looked at once an hour.",
)
VOLUME_FREE_BYTES = Metric(
    "mail_volume_free_bytes",
    "gauge",
    "Free bytes of the disk that a volume (log, ledger, spool, as far as mounted for the exporter) is on. The label "
    "disk lists all volumes on that disk.",
    ("volume", "disk"),
)
VOLUME_SIZE_BYTES = Metric(
    "mail_volume_size_bytes", "gauge", "Size of that disk, with the same labels.", ("volume", "disk")
)

# --- mail-exporter: the relay account's quota, out of the ledger -------------------------------------
# The whole account's, also where several mail servers share it: dashboards take the maximum of the exporters, no sum.
QUOTA_LIMIT = Metric(
    "mail_quota_limit_recipients",
    "gauge",
    "Recipients that the relay takes in the window of 24 hours, by SMTP_RELAY_DAILY_LIMIT.",
)
QUOTA_USED = Metric(
    "mail_quota_used_recipients", "gauge", "Recipients that the relay took in the window, by the mail log."
)
QUOTA_ENTRY_USED = Metric(
    "mail_quota_entry_used_recipients",
    "gauge",
    "The same by where their mails came in, and whether an alias of this server had forwarded them.",
    ("entry", "forwarded"),
)
QUOTA_REMAINING = Metric(
    "mail_quota_remaining_recipients",
    "gauge",
    "Recipients that the relay would still take now; 0 while it says itself that the limit is used up.",
)
QUOTA_RESERVE = Metric(
    "mail_quota_reserve_recipients",
    "gauge",
    "Part of the limit that only API keys marked important may use, by QUOTA_RESERVE.",
)
QUOTA_ROOM = Metric(
    "mail_quota_room_recipients",
    "gauge",
    "Recipients that callers without an important API key may still send to: the limit less reserve, used and in "
    "queue; 0 while the relay takes nothing.",
)
QUOTA_REOPENS = Metric(
    "mail_quota_reopens_timestamp_seconds",
    "gauge",
    "Unix time at which these callers have room for one recipient again if nothing else is sent; 0: they have it now.",
)
QUOTA_IN_QUEUE = Metric(
    "mail_quota_in_queue_recipients",
    "gauge",
    "Recipients that are on their way to the relay and not part of what is used: in the queue, or sent by the API.",
)
QUOTA_NEXT_RELEASE = Metric(
    "mail_quota_next_release_timestamp_seconds",
    "gauge",
    "Unix time at which the oldest recipient leaves the window; 0: there is none in it.",
)
QUOTA_EXHAUSTED = Metric(
    "mail_quota_exhausted", "gauge", "1 while the relay takes nothing, by our count or by its own words; else 0."
)
QUOTA_EXHAUSTION = Metric(
    "mail_quota_exhaustion_timestamp_seconds",
    "gauge",
    "Unix time at which nothing will be left if mail goes on as in the window's last 24th (an hour of a day): an "
    "estimate; now while exhausted; 0: not within a window.",
)

# --- mail-exporter: API keys with a limit of their own, out of the ledger -----------------------------
KEY_ROOM = Metric(
    "mail_key_room_recipients",
    "gauge",
    "Recipients that an API key with a limit for 24 hours may still send to, by the key's name.",
    ("key",),
)
KEY_REOPENS = Metric(
    "mail_key_reopens_timestamp_seconds",
    "gauge",
    "Unix time at which the API key has room for one recipient again if it sends nothing; 0: it has room now.",
    ("key",),
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
LOG_LAG_SECONDS = Metric(
    "mail_exporter_log_lag_seconds",
    "gauge",
    "How far reading is behind: 0 when everything was read, else the age of the newest line that was.",
)
LOG_UNREAD_BYTES = Metric(
    "mail_exporter_log_unread_bytes", "gauge", "Bytes of the log behind the position; rotated files not counted."
)
LOG_POSITION_BYTES = Metric(
    "mail_exporter_log_position_bytes", "gauge", "How far the current log file was read and stored."
)
LOG_GAPS = Metric(
    "mail_exporter_log_gaps",
    "counter",
    "How often lines may be missing: the file in which reading stopped was gone or cut short, or a line had no end.",
)
OPEN_MAILS = Metric("mail_exporter_open_mails", "gauge", "Mails that the exporter follows: in the queue, by the log.")
EVICTED_MAILS = Metric(
    "mail_exporter_evicted_mails", "counter", "Mails that the exporter forgot before their end: there were too many."
)
LEDGER_PENDING_ROWS = Metric(
    "mail_exporter_ledger_pending_rows",
    "gauge",
    "Facts that the ledger does not have yet; above the limit the log is read no further.",
)
SPANS = Metric(
    "mail_exporter_spans",
    "counter",
    "Spans made from the log that were exported or dropped.",
)
SPANS_DROPPED = Metric(
    "mail_exporter_spans_dropped",
    "counter",
    "Spans that were dropped, because an export failed or too many waited for one.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
