"""Store of spans, by trace."""

from mail_sandbox.spans import Span, SpanStore, Status, TraceSummary

TRACE = "a" * 32


def span(number: int, *, trace: str = TRACE, parent: str = "", **rest: str) -> Span:
    """Return a span of ten nanoseconds that starts at its number."""
    return Span(
        trace_id=trace,
        span_id=f"{number:016x}",
        parent_span_id=parent,
        name=f"span {number}",
        start=number,
        end=number + 10,
        service=rest.get("service", "mail-api"),
        status=Status(rest.get("status", "unset")),
    )


def test_repeated_span_is_counted() -> None:
    """A repeated span is stored once, in its first form, and counted; the same id in another trace is another span."""
    store = SpanStore(keep=10)
    assert [store.add(span(1)), store.add(span(1)), store.add(span(1, trace="b" * 32))] == [True, False, True]
    assert (len(store), store.duplicates(TRACE), store.duplicates("b" * 32)) == (2, 1, 0)


def test_oldest_spans_are_dropped() -> None:
    """A full store drops its oldest spans, and accepts them again."""
    store = SpanStore(keep=2)
    for number in (1, 2, 3):
        store.add(span(number))
    assert [one.start for one in store.trace(TRACE)] == [2, 3]
    assert store.add(span(1))


def test_a_trace_is_in_order_of_time() -> None:
    """Spans of a trace are sorted by start time, and the case of the trace id is ignored."""
    store = SpanStore(keep=10)
    for number in (3, 1, 2):
        store.add(span(number))
    assert [one.start for one in store.trace(TRACE.upper())] == [1, 2, 3]
    assert store.trace("c" * 32) == []


def test_trace_summaries() -> None:
    """Traces are listed by their latest addition; the root is the span without a parent, even if it arrived later."""
    store = SpanStore(keep=10)
    store.add(span(1, trace="b" * 32))
    store.add(span(4, parent="f" * 16, service="mail-exporter", status="error"))
    store.add(span(5))
    store.add(span(5))
    assert [trace.trace_id for trace in store.summaries()] == [TRACE, "b" * 32]
    assert store.summaries()[0] == TraceSummary(
        trace_id=TRACE,
        root="span 5",
        span_count=2,
        services=("mail-api", "mail-exporter"),
        start=4,
        end=15,
        errors=1,
        duplicates=1,
    )


def test_clear() -> None:
    """Clearing removes spans and counts."""
    store = SpanStore(keep=10)
    store.add(span(1))
    store.add(span(1))
    store.clear()
    assert (len(store), store.summaries(), store.duplicates(TRACE)) == (0, [], 0)
