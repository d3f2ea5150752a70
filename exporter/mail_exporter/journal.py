"""One log line for each attempt and each mail that left the queue, so that the logs alone tell a mail's story."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Final

from loguru import logger

from mail_exporter import attributes as told
from mail_exporter.events import STAGES
from mail_exporter.facts import AttemptEnded, MailFinished
from mail_exporter.span_ids import attempt_span, mail_span
from mail_telemetry.masking import mask_address
from mail_telemetry.names import Attribute, LogLine, SpanName

NEWS_SECONDS: Final = 3600.0
"""What is older when it is read is history: it is counted and not told line by line.

Who starts the exporter on a log of months wants its metrics, not millions of lines that a log collector would file
under the present hour. After a restart, an update or an outage of less than an hour nothing is missing.
"""

Fields = dict[str, object]


class Journal:
    """Writes the lines.

    Args:
        now: Unix time now.
    """

    def __init__(self, now: Callable[[], float] = time) -> None:
        self._now = now
        self._untold = 0

    def enter(self, fact: AttemptEnded | MailFinished) -> None:
        """Write the line of an attempt or of a mail's end, if it is news."""
        ended = fact.ended if isinstance(fact, AttemptEnded) else told.end_of(fact)[1]
        if self._now() - ended > NEWS_SECONDS:
            self._untold += 1
        elif isinstance(fact, AttemptEnded):
            is_well = fact.cause is None
            logger.bind(**_attempt(fact)).log("INFO" if is_well else "WARNING", LogLine.ATTEMPT)
        else:
            logger.bind(**_finish(fact)).log("INFO" if told.arrived(fact) else "WARNING", LogLine.FINISH)

    def close(self) -> None:
        """Write how much was history since the last call; to be called when everything was read."""
        if self._untold:
            hours = f"{NEWS_SECONDS / 3600:g} h"
            logger.info("read {} attempts and ends older than {}, which are not told", self._untold, hours)
            self._untold = 0


def _attempt(fact: AttemptEnded) -> Fields:
    attempt, span = fact.attempt, attempt_span(fact)
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        **told.of_attempt(fact),
        Attribute.RECIPIENT: mask_address(attempt.recipient),
        Attribute.REPLY: told.reply_of(attempt),
        Attribute.ENDED: _moment(fact.ended),
        Attribute.DURATION: round(fact.ended - fact.began, 2),
        Attribute.STAGE_SECONDS: dict(zip(STAGES, attempt.delays, strict=True)),
    }


def _finish(fact: MailFinished) -> Fields:
    mail, span = fact.mail, mail_span(fact.mail, SpanName.FINISH)
    last, end = told.end_of(fact)
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        **told.of_finish(fact),
        Attribute.ENDED: _moment(end),
        Attribute.DURATION: round(last - mail.arrived, 2),
    }


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
