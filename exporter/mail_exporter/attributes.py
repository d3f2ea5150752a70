"""Attributes of spans and log lines for mails and delivery attempts, without full addresses."""

import re
from typing import Final

from mail_exporter.delivery_agents import NOT_TRIED, RELAY_DAEMONS
from mail_exporter.events import AttemptLogged
from mail_exporter.mail import AttemptEnded, Mail, MailFinished
from mail_exporter.parse.grammar import arrival_time
from mail_telemetry.causes import Cause
from mail_telemetry.masking import domain_of, mask_text
from mail_telemetry.names import Attribute, Outcome, SpanName

Attributes = dict[str, str | int | float]

LOG_STAMP_SECONDS: Final = 1.0
"""The precision of a log line's timestamp."""

_DELIVERED: Final = frozenset({Outcome.SENT, Outcome.DISCARDED})

# smtp(8) ends its text with the SMTP step (src/smtp/smtp_proto.c); before MAIL FROM the connection is being set up.
_IN_TRANSMISSION: Final = re.compile(
    r"(?:\(in reply to (?:MAIL FROM|RCPT TO|DATA|end of DATA)(?: command)?\)"
    r"|while sending (?:MAIL FROM|RCPT TO|DATA command|message body"
    r"|end of data -- message may be sent more than once))$"
)


def precision(delay: float) -> float:
    """Return the precision of a logged delay, in seconds: it has two significant digits (src/global/format_tv.c)."""
    return 0.01 if delay < 1 else 0.1 if delay < 10 else 1.0  # noqa: PLR2004 - where the number of decimals changes


def arrival_precision(mail: Mail) -> float:
    """Return the precision of the arrival time: for a short queue id, it is the first log line's timestamp."""
    return LOG_STAMP_SECONDS if arrival_time(mail.queue_id) is None else 0.0


def was_tried(agent: str, *, suspended: bool) -> bool:
    """Return whether an agent tried to deliver, and did not only repeat an earlier failure."""
    return not suspended and agent not in NOT_TRIED


def last_stage(agent: str, text: str, *, suspended: bool, delivered: bool, sending: float) -> SpanName:
    """Return the last stage of an attempt; for a failed attempt, the stage that failed.

    Args:
        agent: the delivery agent.
        text: the reply of the relay, or the text of Postfix.
        suspended: whether Postfix skipped the attempt.
        delivered: whether the attempt succeeded.
        sending: seconds in the stage `transmission`.
    """
    if not was_tried(agent, suspended=suspended):
        return SpanName.QUEUE
    began_to_send = delivered or agent not in RELAY_DAEMONS or sending > 0 or _IN_TRANSMISSION.search(text)
    return SpanName.TRANSMIT if began_to_send else SpanName.CONNECT


def of_mail(mail: Mail) -> Attributes:
    """Return the attributes of a mail, for each of its spans and lines."""
    attributes: Attributes = {
        Attribute.QUEUE_ID: mail.queue_id,
        Attribute.ENTRY: mail.entry.value,
        Attribute.SIZE: mail.size,
        Attribute.RECIPIENT_COUNT: mail.recipient_count,
    }
    if mail.api_id:
        attributes[Attribute.MESSAGE_ID] = mail.api_id
    return attributes


def of_attempt(event: AttemptEnded) -> Attributes:
    """Return the attributes of an attempt, including those of its mail."""
    attempt = event.attempt
    attributes = of_mail(event.mail) | {
        Attribute.ATTEMPT_NUMBER: event.number,
        Attribute.RECIPIENT_DOMAIN: domain_of(attempt.recipient),
        Attribute.STATUS: attempt.status.value,
        Attribute.DSN: attempt.dsn,
        **of_server(attempt.relay),
    }
    if attempt.forwarded:
        attributes[Attribute.FORWARDED] = True
    if event.cause is not None:
        attributes |= of_failure(event.cause)
    return attributes


def of_finish(event: MailFinished) -> Attributes:
    """Return the attributes of a finished mail, including those of the mail."""
    attributes = of_mail(event.mail) | {Attribute.OUTCOME: event.outcome.value, Attribute.ATTEMPTS: event.mail.attempts}
    if not is_delivered(event):
        attributes[Attribute.ERROR_TYPE] = event.outcome.value
    return attributes


def of_failure(cause: Cause) -> Attributes:
    """Return the attributes of a failure."""
    return {Attribute.CAUSE: cause.value, Attribute.ERROR_TYPE: cause.value}


def of_server(relay: str) -> Attributes:
    """Return server.address and server.port of `host[address]:port`; for a local agent, its name as address."""
    host, _, rest = relay.partition("[")
    _, _, port = rest.rpartition(":")
    if not port.isdigit():
        return {Attribute.SERVER_ADDRESS: host} if relay != "none" else {}
    return {Attribute.SERVER_ADDRESS: host, Attribute.SERVER_PORT: int(port)}


def reply_of(attempt: AttemptLogged) -> str:
    """Return the reply of the relay or the text of Postfix, masked."""
    return mask_text(attempt.text)


def is_delivered(event: MailFinished) -> bool:
    """Return whether a mail left the queue because it was delivered to all recipients."""
    return event.outcome in _DELIVERED


def finish_times(event: MailFinished) -> tuple[float, float]:
    """Return when the last attempt ended, and when the mail left the queue (to the second, as logged)."""
    mail = event.mail
    last = mail.arrived if mail.waiting_since is None else mail.waiting_since
    return last, max(last, mail.closed or last)
