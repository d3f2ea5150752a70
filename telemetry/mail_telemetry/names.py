"""Names of services, spans, attributes and log messages, and the label values that metrics share with them.

Dashboards, alert rules, docs and tests import the names from here, so that each of them names only what is emitted.
There is no semantic convention for mail (open-telemetry/semantic-conventions#1945), hence the `mail.*`
namespace; server.*, error.type and the HTTP names are the stable conventions.
"""

from enum import StrEnum
from typing import Final


class Service(StrEnum):
    """The `service.name` of each hop, which is also its container's name."""

    API = "mail-api"
    SERVER = "mail-server"
    EXPORTER = "mail-exporter"


class Entry(StrEnum):
    """How a mail entered Postfix; the same values in metrics, ledger and spans."""

    API = "api"
    INTERNAL = "internal"
    PUBLIC = "public"
    SUBMISSION = "submission"
    LOCAL = "local"


class Outcome(StrEnum):
    """The final outcome of a mail for one recipient."""

    SENT = "sent"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELETED = "deleted"
    DISCARDED = "discarded"


class SpanName(StrEnum):
    """The spans below the HTTP request, in the order of processing."""

    SUBMIT = "smtp submit"
    RECEIVE = "postfix receive"
    ATTEMPT = "postfix deliver"
    WAIT = "postfix wait"
    QUEUE = "postfix queue"
    CONNECT = "postfix connect"
    TRANSMIT = "postfix transmit"
    FINISH = "postfix finish"


class DeliveryStage(StrEnum):
    """Postfix's four stages of a delivery attempt, as in `delays=a/b/c/d`."""

    BEFORE_QUEUE_MANAGER = "before_queue_manager"
    QUEUE_MANAGER = "queue_manager"
    CONNECTION_SETUP = "connection_setup"
    TRANSMISSION = "transmission"


class Relation(StrEnum):
    """The relation of a linked mail to the mail of the span with the link."""

    ABOUT = "about"
    """The mail that this bounce or notice is about."""
    NOTICE = "notice"
    """A bounce or notice about this mail."""


class Attribute(StrEnum):
    """Span attributes and log fields; none of them contains a full address."""

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
    FORM = "mail.form"
    REQUEST_ID = "http.request.id"
    HTTP_METHOD = "http.request.method"
    HTTP_ROUTE = "http.route"
    HTTP_STATUS = "http.response.status_code"


class LogLine(StrEnum):
    """The messages of the log lines about a mail."""

    ACCEPTED = "mail accepted"
    NOT_ACCEPTED = "mail not accepted"
    ANSWERED = "request answered"
    ATTEMPT = "delivery attempt ended"
    FINISH = "mail left the queue"


REPLY_EVENT: Final = "relay answered"
"""The span event with the reply of the relay, masked."""
