"""Store of received spans, by trace."""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

Value = str | bool | int | float | list["Value"] | dict[str, "Value"] | None
"""The value of an attribute; bytes are stored as hexadecimal text."""


class SpanKind(StrEnum):
    """OpenTelemetry's span kinds."""

    UNSPECIFIED = auto()
    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Status(StrEnum):
    """OpenTelemetry's span status codes."""

    UNSET = auto()
    OK = auto()
    ERROR = auto()


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event of a span; `time` is in Unix nanoseconds."""

    name: str
    time: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A link to a span of this or another trace."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """One received span. Ids are lower-case hexadecimal; start and end are in Unix nanoseconds."""

    trace_id: str
    span_id: str
    name: str
    start: int
    end: int
    parent_span_id: str = ""
    kind: SpanKind = SpanKind.INTERNAL
    service: str = ""
    status: Status = Status.UNSET
    status_message: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """Summary of a trace; `root` is the earliest span without a parent, or the earliest at all."""

    trace_id: str
    root: str
    span_count: int
    services: tuple[str, ...]
    start: int
    end: int
    errors: int
    duplicates: int


class SpanStore:
    """The last received spans; a span that is received again is counted, not stored twice."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._spans: OrderedDict[tuple[str, str], Span] = OrderedDict()
        self._duplicates: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        """Export requests by signal: traces, logs, metrics."""

    def add(self, span: Span) -> bool:
        """Store the span unless it is stored already; return whether it was new."""
        key = (span.trace_id, span.span_id)
        if key in self._spans:
            self._duplicates[span.trace_id] += 1
            return False
        self._spans[key] = span
        while len(self._spans) > self._keep:
            self._spans.popitem(last=False)
        return True

    def clear(self) -> None:
        """Remove all spans and counts."""
        self._spans.clear()
        self._duplicates.clear()
        self.requests.clear()

    def __len__(self) -> int:
        return len(self._spans)

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace by start time; empty when there are none."""
        return sorted(
            (span for span in self._spans.values() if span.trace_id == trace_id.lower()),
            key=lambda span: (span.start, -span.end),
        )

    def duplicates(self, trace_id: str) -> int:
        """Return how many spans of a trace were received again."""
        return self._duplicates[trace_id.lower()]

    def summaries(self) -> list[TraceSummary]:
        """Return all traces, starting with the one that was received last."""
        traces: dict[str, list[Span]] = {}
        for span in reversed(self._spans.values()):
            traces.setdefault(span.trace_id, []).append(span)
        return [self._summary(trace_id, spans) for trace_id, spans in traces.items()]

    def _summary(self, trace_id: str, spans: list[Span]) -> TraceSummary:
        root = min(spans, key=lambda span: (bool(span.parent_span_id), span.start))
        return TraceSummary(
            trace_id=trace_id,
            root=root.name,
            span_count=len(spans),
            services=tuple(sorted({span.service for span in spans})),
            start=min(span.start for span in spans),
            end=max(span.end for span in spans),
            errors=sum(span.status is Status.ERROR for span in spans),
            duplicates=self._duplicates[trace_id],
        )
