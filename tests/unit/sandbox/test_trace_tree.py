"""Traces drawn as text."""

from dataclasses import replace

import pytest

from mail_sandbox.spans import Span, SpanEvent, SpanLink, Status, Value
from mail_sandbox.trace_tree import draw, duration

MS = 1_000_000
START = 1_763_800_000_000_000_000


def span(name: str, number: int, parent: int, start: float, took: float, **rest: str) -> Span:
    """Return a span with numbered ids; times are in milliseconds after the start."""
    attributes: dict[str, Value] = {"error.type": rest["error"]} if rest.get("error") else {}
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:016x}",
        parent_span_id=f"{parent:016x}" if parent else "",
        name=name,
        start=START + int(start * MS),
        end=START + int((start + took) * MS),
        service=rest.get("service", "mail-exporter"),
        status=Status.ERROR if "error" in rest or "message" in rest else Status.UNSET,
        status_message=rest.get("message", ""),
        attributes=attributes,
    )


def test_a_mail_from_the_request_to_the_relay() -> None:
    """Children are below their parents in order of time, with service, offset, duration and error."""
    spans = [
        span("attempt", 6, 4, 65_000, 1_204, service="mail-exporter"),
        span("attempt", 5, 4, 20, 3_100, error="auth"),
        span("mail", 4, 3, 12, 66_192),
        span("smtp send", 3, 1, 2.5, 9.1, service="mail-api"),
        span("validate", 2, 1, 0.3, 0.34, service="mail-api"),
        span("POST /send", 1, 0, 0, 12.35, service="mail-api"),
    ]
    assert draw(spans) == (
        "POST /send        mail-api             +0 ms     12.3 ms\n"
        "├─ validate       mail-api           +300 µs      340 µs\n"
        "└─ smtp send      mail-api           +2.5 ms      9.1 ms\n"
        "   └─ mail        mail-exporter     +12.0 ms  1 min 06 s\n"
        "      ├─ attempt  mail-exporter     +20.0 ms      3.10 s  ERROR auth\n"
        "      └─ attempt  mail-exporter  +1 min 05 s      1.20 s\n"
    )


def test_reply_and_link() -> None:
    """An attempt is followed by the relay's reply, shortened if it is long; a link is followed by its trace id."""
    said = SpanEvent("relay answered", START, {"mail.reply": f"host x[1.2.3.4] said: 535 {'x' * 90}"})
    refused = replace(span("attempt", 1, 0, 0, 1, error="auth"), events=(said,))
    taken = replace(span("attempt", 2, 0, 2, 1), events=(SpanEvent("relay answered", START, {"mail.reply": "250 OK"}),))
    linked = replace(span("receive", 3, 0, 4, 1), links=(SpanLink("b" * 32, "1" * 16),))
    assert [line.partition(" ms  ")[2].partition("  ")[2] for line in draw([refused, taken, linked]).splitlines()] == [
        f"ERROR auth: 535 {'x' * 72} ...",
        "250 OK",
        f"see trace {'b' * 32}",
    ]


def test_spans_without_their_parent_are_not_lost() -> None:
    """Spans whose parent is missing are drawn with their children below a line of their own."""
    spans = [
        span("POST /send", 1, 0, 0, 10, service="mail-api"),
        span("mail", 3, 9, 5, 100),
        span("attempt", 4, 3, 6, 90, message="lost connection"),
    ]
    assert draw(spans) == (
        "POST /send             mail-api         +0 ms  10.0 ms\n"
        "(parent not received)\n"
        "└─ mail                mail-exporter  +5.0 ms   100 ms\n"
        "   └─ attempt          mail-exporter  +6.0 ms  90.0 ms  ERROR lost connection\n"
    )


def test_several_roots() -> None:
    """A trace can have more than one span without a parent."""
    spans = [span("b", 2, 0, 5, 1), span("a", 1, 0, 0, 1)]
    assert [line.split()[0] for line in draw(spans).splitlines()] == ["a", "b"]


def test_circular_spans() -> None:
    """Spans that are each other's parents are drawn once, without an endless loop."""
    drawing = draw([span("a", 1, 2, 0, 1), span("b", 2, 1, 1, 1), span("c", 3, 3, 2, 1)])
    names = [line.split()[-6] for line in drawing.splitlines()[1:]]
    assert drawing.startswith("(parent not received)")
    assert names == ["a", "b", "c"]


def test_a_deep_trace_is_drawn() -> None:
    """A trace that is deeper than Python's recursion limit is drawn."""
    assert len(draw([span("s", n, n - 1, n, 1) for n in range(1, 1500)]).splitlines()) == 1499


def test_no_spans() -> None:
    """A trace without spans is an empty text."""
    assert draw([]) == ""


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0 ms"),
        (999, "0 µs"),
        (340_000, "340 µs"),
        (1_200_000, "1.2 ms"),
        (99_990_000, "99.9 ms"),
        (125_400_000, "125 ms"),
        (999_999_999, "999 ms"),
        (3_400_000_000, "3.40 s"),
        (59_999_999_999, "59.99 s"),
        (125_000_000_000, "2 min 05 s"),
        (3_720_000_000_000, "1 h 02 min"),
        (-200_000_000, "-200 ms"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_durations(nanoseconds: int, expected: str) -> None:
    """Durations have about three digits, never rounded up into the next unit, and can be negative if clocks differ."""
    assert expected == duration(nanoseconds)
