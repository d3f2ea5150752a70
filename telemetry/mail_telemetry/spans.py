"""What spans there are, under which parent, and what each of them says: docs/traces-and-logs.md is made from this.

Tests hold both services against it. Attributes of the HTTP span are OpenTelemetry's own and not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mail_telemetry.names import Attribute, Service, SpanName

Kind = Literal["SERVER", "CLIENT", "INTERNAL"]

HTTP_SPAN: Final = "POST /send"
"""The name of the span that everything begins with: method and route of the request."""


@dataclass(frozen=True, slots=True)
class SpanDescription:
    """One kind of span: what it spans, and what it says; `sometimes` are attributes that not all of them have."""

    name: str
    service: Service
    kind: Kind
    parent: str | None
    meaning: str
    always: frozenset[Attribute] = frozenset()
    sometimes: frozenset[Attribute] = frozenset()

    @property
    def attributes(self) -> frozenset[Attribute]:
        """All that it may say."""
        return self.always | self.sometimes


ATTRIBUTES: Final[Mapping[Attribute, str]] = {
    Attribute.MESSAGE_ID: "The id of the API's answer, `msg_...`; of the API's mails.",
    Attribute.QUEUE_ID: "Postfix's id of the mail.",
    Attribute.ENTRY: "Where it came in: `api`, `internal`, `public`, `submission`, `local` (bounces too).",
    Attribute.SIZE: "Bytes.",
    Attribute.RECIPIENT_COUNT: "How many recipients it has.",
    Attribute.RECIPIENT_DOMAIN: "The domain of the recipient, of the first one on the API's span.",
    Attribute.FORWARDED: "`true`: an alias of this server made this recipient out of another.",
    Attribute.ATTEMPT_NUMBER: "Which attempt it is, from 1.",
    Attribute.ATTEMPTS: "How many attempts were made, over all recipients.",
    Attribute.STAGE: "Postfix's name of the stage, as in the label of `postfix_delivery_stage_seconds`.",
    Attribute.STATUS: "`sent`, `deferred`, `bounced`.",
    Attribute.DSN: "The enhanced status code, as Postfix logs it.",
    Attribute.CAUSE: "Why it failed, of the closed list of causes.",
    Attribute.REPLY: "The relay's words or Postfix's own, masked.",
    Attribute.OUTCOME: "What became of the mail: `sent`, `discarded`, `deleted`, `expired`, `bounced`; the worst.",
    Attribute.RELATION: "Of a link: `about`, from a bounce to its mail; `notice`, from a mail to its bounce.",
    Attribute.TIME_PRECISION: "How exactly start and end are known, in seconds.",
    Attribute.ERROR_TYPE: "The cause; the outcome of a mail that did not arrive; the code of the API's answer.",
    Attribute.SERVER_ADDRESS: "The relay's name; of the API's span the mail server's; or the agent's own, as `local`.",
    Attribute.SERVER_PORT: "Its port.",
}
"""What the attributes mean."""

_SERVER: Final = frozenset({Attribute.SERVER_ADDRESS, Attribute.SERVER_PORT})
_FAILURE: Final = frozenset({Attribute.CAUSE, Attribute.ERROR_TYPE})
_MAIL: Final = frozenset(
    {Attribute.QUEUE_ID, Attribute.ENTRY, Attribute.SIZE, Attribute.RECIPIENT_COUNT, Attribute.TIME_PRECISION}
)
_STAGE: Final = frozenset({Attribute.STAGE, Attribute.TIME_PRECISION})

SPANS: Final = (
    SpanDescription(
        HTTP_SPAN,
        Service.API,
        "SERVER",
        None,
        "The HTTP request.",
    ),
    SpanDescription(
        SpanName.SUBMIT,
        Service.API,
        "CLIENT",
        HTTP_SPAN,
        "The mail's way to Postfix, waiting for a connection included; ends with its 250, or with why there is none.",
        frozenset({Attribute.MESSAGE_ID, Attribute.RECIPIENT_COUNT, Attribute.RECIPIENT_DOMAIN}) | _SERVER,
        frozenset({Attribute.SIZE, Attribute.QUEUE_ID, Attribute.ERROR_TYPE}),
    ),
    SpanDescription(
        SpanName.RECEIVE,
        Service.SERVER,
        "SERVER",
        SpanName.SUBMIT,
        "Postfix takes the mail in: from its arrival until the queue manager has it. The first of its trace where "
        "the mail brought no trace context. Of a bounce, linked to the mail that it is about.",
        _MAIL,
        frozenset({Attribute.MESSAGE_ID}),
    ),
    SpanDescription(
        SpanName.ATTEMPT,
        Service.SERVER,
        "INTERNAL",
        SpanName.RECEIVE,
        "One attempt for one recipient: from the arrival, later from the end of the attempt before. Its event "
        "`relay answered` holds the relay's words, or Postfix's own, as `mail.reply`.",
        _MAIL | {Attribute.ATTEMPT_NUMBER, Attribute.RECIPIENT_DOMAIN, Attribute.STATUS, Attribute.DSN},
        frozenset({Attribute.MESSAGE_ID, Attribute.FORWARDED}) | _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.WAIT,
        Service.SERVER,
        "INTERNAL",
        SpanName.ATTEMPT,
        "Before the queue manager: being received; later, waiting in the deferred queue.",
        _STAGE,
    ),
    SpanDescription(
        SpanName.QUEUE,
        Service.SERVER,
        "INTERNAL",
        SpanName.ATTEMPT,
        "With the queue manager, until a delivery agent is free. The last stage, and the one that failed, where "
        "nothing was tried since the destination had just failed.",
        _STAGE,
        _FAILURE,
    ),
    SpanDescription(
        SpanName.CONNECT,
        Service.SERVER,
        "CLIENT",
        SpanName.ATTEMPT,
        "Connection set-up: DNS, TCP, greeting, TLS, login; next to nothing on a connection that is used again.",
        _STAGE,
        _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.TRANSMIT,
        Service.SERVER,
        "CLIENT",
        SpanName.ATTEMPT,
        "From MAIL FROM to the answer; missing where connecting failed. INTERNAL for agents of this server.",
        _STAGE,
        _SERVER | _FAILURE,
    ),
    SpanDescription(
        SpanName.FINISH,
        Service.SERVER,
        "INTERNAL",
        SpanName.RECEIVE,
        "The mail left the queue: from the last attempt's end on. Linked to the bounces that were made of it.",
        _MAIL | {Attribute.OUTCOME, Attribute.ATTEMPTS},
        frozenset({Attribute.MESSAGE_ID, Attribute.ERROR_TYPE}),
    ),
)
