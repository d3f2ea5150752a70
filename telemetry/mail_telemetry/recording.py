"""Spans that one task writes: OpenTelemetry's API over plain values, for a fourth of what the SDK's own cost.

The SDK locks and checks at each attribute, since anybody may write to its spans, from any thread, whatever he likes.
Ours are begun, written and ended by one task, with values of our own. Resource, sampler, ids and processors are the
SDK's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    get_current_span,
    use_span,
)
from opentelemetry.util.types import Attributes

_OnEnd = Callable[[ReadableSpan], None]

_SAMPLED: Final = Decision.RECORD_AND_SAMPLE
_FLAGS: Final = {
    (sampled, random): TraceFlags(TraceFlags.SAMPLED * sampled | TraceFlags.RANDOM_TRACE_ID * random)
    for sampled in (False, True)
    for random in (False, True)
}
"""By whether it is sampled, and whether its trace's id is random."""


class RecordingProvider(TracerProvider):
    """The SDK's provider, whose tracers make the spans below; switched off with OTEL_SDK_DISABLED, as ever.

    Args:
        resource: who says what the spans say.
        processor: takes the spans when they end; without one they end in the process.
    """

    def __init__(self, resource: Resource, processor: SpanProcessor | None) -> None:
        super().__init__(resource=resource)
        self._on_end: _OnEnd = processor.on_end if processor else lambda _: None
        if processor is not None:
            self.add_span_processor(processor)

    def get_tracer(self, instrumenting_module_name: str, *details: Any, **more: Any) -> Tracer:  # noqa: ANN401 - the API's
        """Return the tracer of a module."""
        tracer = super().get_tracer(instrumenting_module_name, *details, **more)
        if isinstance(tracer, NoOpTracer):
            return tracer
        return _Tracer(self, InstrumentationScope(instrumenting_module_name), self._on_end)


class _Tracer(Tracer):
    def __init__(self, provider: TracerProvider, scope: InstrumentationScope, on_end: _OnEnd) -> None:
        self._sampler = provider.sampler
        self._follows = isinstance(provider.sampler, ParentBased)  # OTEL_TRACES_SAMPLER's leave no choice below a span
        self._ids = provider.id_generator
        self._resource = provider.resource
        self._scope = scope
        self._on_end = on_end

    def start_span(  # noqa: PLR0913, PLR0917 - the API's arguments, of which the last two are about exceptions
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - same
        set_status_on_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - same
    ) -> Span:
        """Return a span below the context's own, as far as it is sampled."""
        above = get_current_span(context).get_span_context()
        if above.is_valid:
            parent, trace_id, is_random = above, above.trace_id, above.trace_flags.random_trace_id
        else:
            parent, trace_id, is_random = None, self._ids.generate_trace_id(), self._ids.is_trace_id_random()
        state: TraceState | None
        if parent and not parent.is_remote and self._follows:  # it would say so, too, after three looks at the context
            decision, state = (_SAMPLED if parent.trace_flags.sampled else Decision.DROP), parent.trace_state
        else:
            result = self._sampler.should_sample(context, trace_id, name, kind, attributes, links)
            decision, state, attributes = result.decision, result.trace_state, result.attributes
        found = SpanContext(
            trace_id, self._ids.generate_span_id(), False, _FLAGS[decision is _SAMPLED, is_random], state
        )
        if decision is Decision.DROP:
            return NonRecordingSpan(found)
        return _Span(
            self._on_end,
            name,
            found,
            parent,
            self._resource,
            dict(attributes or {}),
            [],
            links or (),
            kind,
            start_time=start_time or time_ns(),
            instrumentation_scope=self._scope,
        )

    @contextmanager
    def start_as_current_span(self, name: str, *details: Any, **more: Any) -> Iterator[Span]:  # type: ignore[override]  # noqa: ANN401 - the API's
        """Begin a span, and make it the current one until the block ends."""
        span = self.start_span(name, *details, **more)
        with use_span(span, end_on_exit=True, set_status_on_exception=False):  # its words could hold an address
            yield span


class _Span(ReadableSpan, Span):
    _attributes: dict[str, Any]
    _context: SpanContext
    _events: list[Event]

    def __init__(self, on_end: _OnEnd, *whole: Any, **more: Any) -> None:  # noqa: ANN401 - the SDK's
        super().__init__(*whole, **more)
        self._on_end = on_end

    def get_span_context(self) -> SpanContext:
        """Return its ids."""
        return self._context

    def is_recording(self) -> bool:
        """Tell whether it goes on."""
        return self._end_time is None

    def set_attribute(self, key: str, value: Any) -> None:  # noqa: ANN401 - the API's
        """Write a value of ours."""
        self._attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Write several."""
        self._attributes.update(attributes)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Write what happened in between."""
        self._events.append(Event(name, attributes, timestamp))

    def update_name(self, name: str) -> None:
        """Name it anew."""
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Write how it went."""
        self._status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(self, exception: BaseException, *_details: Any, **_more: Any) -> None:  # noqa: ANN401 - the API's
        """Write which kind of exception it was; its text may hold an address."""
        self.add_event("exception", {"exception.type": type(exception).__qualname__})

    def end(self, end_time: int | None = None) -> None:
        """Hand it on, once."""
        if self._end_time is None:
            self._end_time = end_time or time_ns()
            self._on_end(self)
