"""Span descriptions: name, service, parent and attributes of each span; source of docs/traces-and-logs.md.

Tests compare the spans of both services with it. The attributes of the HTTP span are OpenTelemetry's and not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mail_telemetry.names import Attribute, Service, SpanName

SpanRole = Literal["SERVER", "CLIENT", "INTERNAL"]

HTTP_SPAN: Final = "POST /send"
"""The name of the first span of a trace: method and route of the request."""


@dataclass(frozen=True, slots=True)
class SpanDescription:
    """Description of one kind of span; `always` and `sometimes` are its attributes."""

    name: str
    service: Service
    kind: SpanRole
    parent: str | None
    meaning: str
    always: frozenset[Attribute] = frozenset()
    sometimes: frozenset[Attribute] = frozenset()

    @property
    def attributes(self) -> frozenset[Attribute]:
        """All attributes that the span can have."""
        return self.always | self.sometimes


ATTRIBUTES: Final[Mapping[Attribute, str]] = {
    Attribute.MESSAGE_ID: "The message id in the API's response, `msg_...`; only of mails that the API sent.",
    Attribute.FORM: "Name of the form, of mails by `POST /forms/NAME`.",
    Attribute.QUEUE_ID: "Postfix's queue id of the mail.",
    Attribute.ENTRY: "How the mail entered: `api`, `internal`, `public`, `submission`, `local` (bounces too).",
    Attribute.SIZE: "Bytes.",
    Attribute.RECIPIENT_COUNT: "Number of recipients of the mail.",
    Attribute.RECIPIENT_DOMAIN: "Domain of the recipient; on the API's span, of the first recipient.",
    Attribute.FORWARDED: "`true`: an alias of this server replaced the original recipient by this one.",
    Attribute.ATTEMPT_NUMBER: "Number of the attempt, from 1.",
    Attribute.ATTEMPTS: "Number of attempts, over all recipients.",
    Attribute.STAGE: "Stage of the attempt, as in the label of `postfix_delivery_stage_seconds`.",
    Attribute.STATUS: "`sent`, `deferred`, `bounced`.",
    Attribute.DSN: "The enhanced status code, as Postfix logs it.",
    Attribute.CAUSE: "Why the attempt failed: one of the causes.",
    Attribute.REPLY: "Reply of the relay, or text of Postfix, masked.",
    Attribute.OUTCOME: "Worst outcome of the mail: `sent`, `discarded`, `deleted`, `expired`, `bounced`.",
    Attribute.RELATION: "Of a link: `about`, from a bounce to its mail; `notice`, from a mail to its bounce.",
    Attribute.TIME_PRECISION: "Precision of start and end, in seconds.",
    Attribute.ERROR_TYPE: "Cause of a failed attempt; outcome of a mail that was not delivered; error code of the API.",
    Attribute.SERVER_ADDRESS: "Name of the relay; of the mail server on the API's span; of a local agent, as `local`.",
    Attribute.SERVER_PORT: "Port of that server.",
}
"""The meanings of the attributes."""

_SERVER: Final = frozenset({Attribute.SERVER_ADDRESS, Attribute.SERVER_PORT})
_FAILURE: Final = frozenset({Attribute.CAUSE, Attribute.ERROR_TYPE})
_MAIL: Final = frozenset(
    {Attribute.QUEUE_ID, Attribute.ENTRY, Attribute.SIZE, Attribute.RECIPIENT_COUNT, Attribute.TIME_PRECISION}
)
_STAGE: Final = frozenset({Attribute.STAGE, Attribute.TIME_PRECISION})

SPAN_DESCRIPTIONS: Final = (
    SpanDescription(
        HTTP_SPAN,
        Service.API,
        "SERVER",
        None,
        "The HTTP request; `POST /forms/NAME` for a form with a file.",
    ),
    SpanDescription(
        SpanName.SUBMIT,
        Service.API,
        "CLIENT",
        HTTP_SPAN,
        "SMTP submission to Postfix, including the wait for a connection; ends with the reply 250 or an error.",
        frozenset({Attribute.MESSAGE_ID, Attribute.RECIPIENT_COUNT, Attribute.RECIPIENT_DOMAIN}) | _SERVER,
        frozenset({Attribute.SIZE, Attribute.QUEUE_ID, Attribute.ERROR_TYPE, Attribute.FORM}),
    ),
    SpanDescription(
        SpanName.RECEIVE,
        Service.SERVER,
        "SERVER",
        SpanName.SUBMIT,
        "Postfix receives the mail: from its arrival until the queue manager has it. The root span of a mail without "
        "trace context. For a bounce, linked to the mail that it is about.",
        _MAIL,
        frozenset({Attribute.MESSAGE_ID}),
    ),
    SpanDescription(
        SpanName.ATTEMPT,
        Service.SERVER,
        "INTERNAL",
        SpanName.RECEIVE,
        "One delivery attempt for one recipient: from the arrival, later from the end of the previous attempt. Its "
        "event `relay answered` has the reply of the relay, or the text of Postfix, as `mail.reply`.",
        _MAIL | {Attribute.ATTEMPT_NUMBER, Attribute.RECIPIENT_DOMAIN, Attribute.STATUS, Attribute.DSN},
        frozenset({Attribute.MESSAGE_ID, Attribute.FORWARDED}) | _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.WAIT,
        Service.SERVER,
        "INTERNAL",
        SpanName.ATTEMPT,
        "Before the queue manager: being received; for later attempts, waiting in the deferred queue.",
        _STAGE,
    ),
    SpanDescription(
        SpanName.QUEUE,
        Service.SERVER,
        "INTERNAL",
        SpanName.ATTEMPT,
        "With the queue manager, until a delivery agent is free. The last stage, with the failure, of an attempt that "
        "Postfix skipped because the destination had just failed.",
        _STAGE,
        _FAILURE,
    ),
    SpanDescription(
        SpanName.CONNECT,
        Service.SERVER,
        "CLIENT",
        SpanName.ATTEMPT,
        "Connection set-up: DNS, TCP, greeting, TLS, login; almost 0 for a reused connection.",
        _STAGE,
        _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.TRANSMIT,
        Service.SERVER,
        "CLIENT",
        SpanName.ATTEMPT,
        "From MAIL FROM to the reply; missing if the connection failed. INTERNAL for delivery agents of this server.",
        _STAGE,
        _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.FINISH,
        Service.SERVER,
        "INTERNAL",
        SpanName.RECEIVE,
        "The mail left the queue: begins at the end of the last attempt. Linked to bounces about the mail.",
        _MAIL | {Attribute.OUTCOME, Attribute.ATTEMPTS},
        frozenset({Attribute.MESSAGE_ID, Attribute.ERROR_TYPE}),
    ),
)
