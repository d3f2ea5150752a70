"""Our spans beside the SDK's: what leaves is the same, whoever asks for it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from mail_telemetry.recording import RecordingProvider

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

RESOURCE = Resource({"service.name": "mail-api"})
TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


class Recorded:
    """A tracer, and what it made."""

    def __init__(self, *, ours: bool = True) -> None:
        self.exporter = InMemorySpanExporter()
        processor = SimpleSpanProcessor(self.exporter)
        self.provider = RecordingProvider(RESOURCE, processor) if ours else TracerProvider(resource=RESOURCE)
        if not ours:
            self.provider.add_span_processor(processor)
        self.tracer: Tracer = self.provider.get_tracer("mail_api")

    def spans(self) -> list[dict[str, Any]]:
        """Return what would be exported."""
        return [json.loads(span.to_json()) for span in self.exporter.get_finished_spans()]


def below(flags: int) -> Context:
    """Return the context of a remote span."""
    remote = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(remote), Context())


def story(recorded: Recorded) -> list[dict[str, Any]]:
    """Return a span with all that can be written, and one below it; without what differs each time."""
    outer = recorded.tracer.start_span("POST", below(1), SpanKind.SERVER, {"a": 1, "b": "x"}, start_time=1_000)
    outer.set_attribute("c", True)
    outer.set_attributes({"d": 1.5, "a": 2})
    outer.update_name("POST /send")
    outer.add_event("waited", {"for": "Postfix"}, timestamp=1_500)
    outer.set_status(Status(StatusCode.ERROR, "why"))
    inner = recorded.tracer.start_span("smtp submit", set_span_in_context(outer), SpanKind.CLIENT, start_time=1_100)
    assert outer.is_recording()
    assert inner.get_span_context().trace_id == outer.get_span_context().trace_id
    inner.end(1_200)
    inner.end(1_300)
    outer.end(2_000)
    assert not outer.is_recording()
    found = recorded.spans()
    assert found[0]["parent_id"] == found[1]["context"]["span_id"]
    for span in found:
        del span["context"]["span_id"]
    del found[0]["parent_id"]
    return found


def test_like_the_sdk() -> None:
    """The same calls make the same spans."""
    assert story(Recorded(ours=False)) == story(Recorded())


@pytest.mark.parametrize("flags", [0, 1, 2, 3], ids=["none", "sampled", "random", "sampled and random"])
def test_flags(flags: int) -> None:
    """Whether the trace above is sampled and random goes on, as with the SDK."""
    contexts = [Recorded(ours=ours).tracer.start_span("x", below(flags)).get_span_context() for ours in (False, True)]
    assert contexts[0].trace_flags == contexts[1].trace_flags
    assert [context.trace_id for context in contexts] == [TRACE_ID, TRACE_ID]


def test_what_is_not_sampled() -> None:
    """It has ids, for who comes below, and is not exported."""
    recorded = Recorded()
    span = recorded.tracer.start_span("x", below(0))
    span.end()
    assert span.get_span_context().is_valid
    assert not span.is_recording()
    assert recorded.spans() == []


@pytest.mark.parametrize("ours", [False, True], ids=["the SDK", "ours"])
@pytest.mark.parametrize("flags", [0, 1])
def test_below_a_span_of_the_same_process(flags: int, *, ours: bool) -> None:
    """It is sampled as the one above, and carries the trace's state."""
    recorded = Recorded(ours=ours)
    above = SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(flags), TraceState([("vendor", "1")]))
    span = recorded.tracer.start_span("x", set_span_in_context(NonRecordingSpan(above), Context()))
    span.end()
    assert len(recorded.spans()) == flags
    assert span.get_span_context().trace_state == above.trace_state
    assert (span.get_span_context().trace_flags, span.get_span_context().trace_id) == (flags, TRACE_ID)


def test_sampler_without_regard_to_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that asks for no parent is asked below one, too."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    recorded = Recorded()
    above = SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1))
    recorded.tracer.start_span("x", set_span_in_context(NonRecordingSpan(above), Context())).end()
    assert recorded.spans() == []


def test_new_trace() -> None:
    """Without a span above a new trace begins, sampled and random, each time another."""
    recorded = Recorded()
    contexts = [recorded.tracer.start_span("x", Context()).get_span_context() for _ in range(2)]
    assert [context.trace_flags for context in contexts] == [3, 3]
    assert contexts[0].trace_id != contexts[1].trace_id


def test_current_span() -> None:
    """A span can be made the current one; an exception in it is recorded by its kind, without its text."""
    recorded = Recorded()
    with suppress(ValueError), recorded.tracer.start_as_current_span("x") as span:
        assert get_current_span() is span
        raise ValueError("anna@example.org")
    (found,) = recorded.spans()
    assert [event["attributes"] for event in found["events"]] == [{"exception.type": "ValueError"}]
    assert "anna" not in str(found)


def test_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_TRACES_SAMPLER counts."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    recorded = Recorded()
    recorded.tracer.start_span("x").end()
    assert recorded.spans() == []


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """With OTEL_SDK_DISABLED there are neither spans nor ids."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not Recorded().tracer.start_span("x").get_span_context().is_valid
