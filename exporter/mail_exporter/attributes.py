"""What spans and log lines say of a mail and its attempts: pure, and without a full address."""

import re
from typing import Final

from mail_exporter.events import Attempted
from mail_exporter.facts import AttemptEnded, MailFinished
from mail_exporter.mail import Mail
from mail_exporter.parse.grammar import arrival_time
from mail_exporter.relays import NOT_TRIED, RELAY_DAEMONS
from mail_telemetry.causes import Cause
from mail_telemetry.masking import domain_of, mask_text
from mail_telemetry.names import Attribute, Outcome, SpanName

Attributes = dict[str, str | int | float]

LOG_STAMP_SECONDS: Final = 1.0
"""How exactly the stamp of a log line tells the time."""

_ARRIVED: Final = frozenset({Outcome.SENT, Outcome.DISCARDED})

# smtp(8) ends its words with where it was (src/smtp/smtp_proto.c); before MAIL FROM the connection is being set up.
_IN_TRANSMISSION: Final = re.compile(
    r"(?:\(in reply to (?:MAIL FROM|RCPT TO|DATA|end of DATA)(?: command)?\)"
    r"|while sending (?:MAIL FROM|RCPT TO|DATA command|message body"
    r"|end of data -- message may be sent more than once))$"
)


def precision(delay: float) -> float:
    """Return how exactly Postfix logs a delay, in seconds: it has two significant digits (src/global/format_tv.c)."""
    return 0.01 if delay < 1 else 0.1 if delay < 10 else 1.0  # noqa: PLR2004 - the places where a digit falls away


def arrival_precision(mail: Mail) -> float:
    """Return how exactly the arrival is known: a short queue id does not hold it, so the first line's stamp tells."""
    return LOG_STAMP_SECONDS if arrival_time(mail.queue_id) is None else 0.0


def was_tried(agent: str, *, suspended: bool) -> bool:
    """Tell whether an agent tried to deliver, and not only the queue manager's knowledge was repeated."""
    return not suspended and agent not in NOT_TRIED


def last_stage(agent: str, text: str, *, suspended: bool, delivered: bool, sending: float) -> SpanName:
    """Return how far an attempt came: the stage that failed, where it failed.

    Args:
        agent: the daemon that tried.
        text: the relay's or Postfix's words.
        suspended: nothing was tried.
        delivered: nothing failed.
        sending: seconds in the last stage.
    """
    if not was_tried(agent, suspended=suspended):
        return SpanName.QUEUE
    began_to_send = delivered or agent not in RELAY_DAEMONS or sending > 0 or _IN_TRANSMISSION.search(text)
    return SpanName.TRANSMIT if began_to_send else SpanName.CONNECT


def of_mail(mail: Mail) -> Attributes:
    """Return what is said of a mail on each of its spans and lines."""
    attributes: Attributes = {
        Attribute.QUEUE_ID: mail.queue_id,
        Attribute.ENTRY: mail.entry.value,
        Attribute.SIZE: mail.size,
        Attribute.RECIPIENT_COUNT: mail.recipient_count,
    }
    if mail.api_id:
        attributes[Attribute.MESSAGE_ID] = mail.api_id
    return attributes


def of_attempt(fact: AttemptEnded) -> Attributes:
    """Return what is said of an attempt, its mail's attributes included."""
    attempt = fact.attempt
    attributes = of_mail(fact.mail) | {
        Attribute.ATTEMPT_NUMBER: fact.number,
        Attribute.RECIPIENT_DOMAIN: domain_of(attempt.recipient),
        Attribute.STATUS: attempt.status.value,
        Attribute.DSN: attempt.dsn,
        **of_server(attempt.relay),
    }
    if attempt.forwarded:
        attributes[Attribute.FORWARDED] = True
    if fact.cause is not None:
        attributes |= of_failure(fact.cause)
    return attributes


def of_finish(fact: MailFinished) -> Attributes:
    """Return what is said of a mail's end, the mail's attributes included."""
    attributes = of_mail(fact.mail) | {Attribute.OUTCOME: fact.outcome.value, Attribute.ATTEMPTS: fact.mail.attempts}
    if not arrived(fact):
        attributes[Attribute.ERROR_TYPE] = fact.outcome.value
    return attributes


def of_failure(cause: Cause) -> Attributes:
    """Return what is said of a failure."""
    return {Attribute.CAUSE: cause.value, Attribute.ERROR_TYPE: cause.value}


def of_server(relay: str) -> Attributes:
    """Return server.address and server.port of `host[address]:port`, or the agent's own name as `local`."""
    host, _, rest = relay.partition("[")
    _, _, port = rest.rpartition(":")
    if not port.isdigit():
        return {Attribute.SERVER_ADDRESS: host} if relay != "none" else {}
    return {Attribute.SERVER_ADDRESS: host, Attribute.SERVER_PORT: int(port)}


def reply_of(attempt: Attempted) -> str:
    """Return the relay's or Postfix's words, masked."""
    return mask_text(attempt.text) if "@" in attempt.text else attempt.text


def arrived(fact: MailFinished) -> bool:
    """Tell whether a mail that left the queue did so by reaching everybody it was for."""
    return fact.outcome in _ARRIVED


def end_of(fact: MailFinished) -> tuple[float, float]:
    """Return when the last attempt ended, and when the mail left the queue, which the log tells to the second."""
    mail = fact.mail
    last = mail.arrived if mail.waiting_since is None else mail.waiting_since
    return last, max(last, mail.closed or last)
