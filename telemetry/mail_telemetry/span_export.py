"""Span exporter that masks addresses, counts failed exports and logs the start and the end of an outage."""

import logging
from collections.abc import Sequence
from threading import Condition
from typing import Final, NamedTuple, cast

from loguru import logger
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import AnyValue, Attributes

from mail_telemetry.masking import mask_text

LONGEST_ADDRESS: Final = 320
"""Characters of the longest address: 64, `@` and 255 (RFC 5321 section 4.5.3.1). A longer text is not an address,
and may be cut before it is masked."""

# These loggers write a line for each failed attempt and, every 20 s, for a full queue.
_REPEATING_LOGGERS: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")


class ValueLengths(NamedTuple):
    """Characters that attribute values may have; None for no limit."""

    of_spans: int | None = None
    """OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT."""
    of_others: int | None = None
    """OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: of events, links and status descriptions."""


UNLIMITED: Final = ValueLengths()


class MaskingSpanExporter(SpanExporter):
    """Masks addresses in spans, passes them to another exporter and counts failures.

    Args:
        exporter: sends spans to the collector.
        lengths: characters that attribute values may have, after masking.
    """

    def __init__(self, exporter: SpanExporter, lengths: ValueLengths = UNLIMITED) -> None:
        self._exporter = exporter
        self._lengths = lengths
        self._error = _ExportError()
        self._changed = Condition()
        self.is_healthy = True
        """Whether the last export succeeded."""
        self.failed_spans = 0
        """Spans of exports that failed."""
        for name in _REPEATING_LOGGERS:
            library = logging.getLogger(name)
            library.handlers, library.propagate = [self._error], False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export masked copies of the spans."""
        self._error.is_new_export = True
        try:
            result = self._exporter.export([masked(span, self._lengths) for span in spans])
        except Exception as error:  # noqa: BLE001 - the next batch may succeed
            self._error.text = f"{type(error).__name__}: {error}"
            result = SpanExportResult.FAILURE
        succeeded = result is SpanExportResult.SUCCESS
        with self._changed:
            has_changed, self.is_healthy = succeeded is not self.is_healthy, succeeded
            self.failed_spans += 0 if succeeded else len(spans)
            self._changed.notify_all()
        if has_changed:
            self._log_change()
        return result

    def wait_for_export(self, timeout: float) -> None:
        """Wait until the next export has ended, for at most `timeout` seconds."""
        with self._changed:
            self._changed.wait(timeout)

    def shutdown(self) -> None:
        """Shut down the other exporter; an export that waits for a retry ends at once."""
        self._exporter.shutdown()

    def _log_change(self) -> None:
        if self.is_healthy:
            logger.info("span export recovered", failed_spans=self.failed_spans)
        else:
            logger.warning(
                "span export failed; spans are dropped and counted until it recovers",
                reason=mask_text(self._error.text),
            )


def masked(span: ReadableSpan, lengths: ValueLengths = UNLIMITED) -> ReadableSpan:
    """Return a copy of the span with the addresses masked in name, attributes, events, links and status.

    Values are cut after masking, so that an address at the cut is masked too.
    """
    events = [
        Event(mask_text(event.name), _masked_attributes(event.attributes, 0, lengths.of_others), event.timestamp)
        for event in span.events
    ]
    links = [Link(link.context, _masked_attributes(link.attributes, 0, lengths.of_others)) for link in span.links]
    return ReadableSpan(
        name=mask_text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked_attributes(span.attributes, span.dropped_attributes, lengths.of_spans),
        events=_bounded(events, span.dropped_events) if span.dropped_events else events,
        links=links,
        kind=span.kind,
        status=Status(span.status.status_code, _masked_text(span.status.description, lengths.of_others)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked_attributes(attributes: Attributes, dropped: int, length: int | None) -> Attributes:
    found = {name: cast("AnyValue", _masked_value(value, length)) for name, value in (attributes or {}).items()}
    if not dropped:
        return found
    bounded = BoundedAttributes(attributes=found)
    bounded.dropped = dropped
    return bounded


def _masked_value(value: object, length: int | None) -> object:
    if isinstance(value, str):
        return _masked_text(value, length)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_masked_value(item, length) for item in value]
    return value


def _masked_text(text: str | None, length: int | None) -> str | None:
    if text is None:
        return None
    if length is not None:
        text = text[: length + LONGEST_ADDRESS]  # masking takes time
    # A lone surrogate cannot be encoded in protobuf, and the whole batch would fail.
    return mask_text(text)[:length].encode("utf-8", "replace").decode()


def _bounded(events: Sequence[Event], dropped: int) -> Sequence[Event]:
    bounded: BoundedList[Event] = BoundedList.from_seq(len(events), events)
    bounded.dropped = dropped
    return bounded


class _ExportError(logging.Handler):
    """Keeps the first log record of the OTLP exporters about an export, which has the reason of its failure.

    The SDK logs the same failure only once in 20 s; in between, the text is that of the earlier failure.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text = "the OTLP exporter logged no reason"
        self.is_new_export = True

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text; a full queue is a consequence, not the reason."""
        if self.is_new_export and record.name.startswith("opentelemetry.exporter"):
            self.text = record.getMessage()
            self.is_new_export = False
