"""Delivery log: one JSON log line for each delivery attempt and for each mail that left the queue."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Final

from loguru import logger

from mail_exporter import attributes
from mail_exporter.events import STAGES
from mail_exporter.mail import AttemptEnded, MailFinished
from mail_exporter.span_ids import attempt_span, mail_span
from mail_telemetry.masking import mask_address
from mail_telemetry.names import Attribute, LogLine, SpanName

RECENT_SECONDS: Final = 3600.0
"""Older events are counted and not logged one by one.

The first start on a log of several months would otherwise write millions of lines, which a log collector would store
under the current hour. A restart, an update or an outage of less than an hour loses no line.
"""

Fields = dict[str, object]


class DeliveryLog:
    """Writes the lines.

    Args:
        now: returns the current Unix time.
    """

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now
        self._skipped = 0

    def write(self, event: AttemptEnded | MailFinished) -> None:
        """Log a recent event; count an older one."""
        ended = event.ended if isinstance(event, AttemptEnded) else attributes.finish_times(event)[1]
        if self._now() - ended > RECENT_SECONDS:
            self._skipped += 1
        elif isinstance(event, AttemptEnded):
            level = "INFO" if event.cause is None else "WARNING"
            logger.bind(**_attempt(event)).log(level, LogLine.ATTEMPT)
        else:
            level = "INFO" if attributes.is_delivered(event) else "WARNING"
            logger.bind(**_finish(event)).log(level, LogLine.FINISH)

    def flush(self) -> None:
        """Log how many events were skipped since the last call; to be called when the whole log was read."""
        if self._skipped:
            hours = f"{RECENT_SECONDS / 3600:g} h"
            logger.info("did not log {} attempts and finished mails older than {}", self._skipped, hours)
            self._skipped = 0


def _attempt(event: AttemptEnded) -> Fields:
    attempt, span = event.attempt, attempt_span(event)
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        **attributes.of_attempt(event),
        Attribute.RECIPIENT: mask_address(attempt.recipient),
        Attribute.REPLY: attributes.reply_of(attempt),
        Attribute.ENDED: _timestamp(event.ended),
        Attribute.DURATION: round(event.ended - event.began, 2),
        Attribute.STAGE_SECONDS: dict(zip(STAGES, attempt.delays, strict=True)),
    }


def _finish(event: MailFinished) -> Fields:
    mail, span = event.mail, mail_span(event.mail, SpanName.FINISH)
    last, end = attributes.finish_times(event)
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        **attributes.of_finish(event),
        Attribute.ENDED: _timestamp(end),
        Attribute.DURATION: round(last - mail.arrived, 2),
    }


def _timestamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
