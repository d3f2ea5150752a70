"""Text drawing of a trace: one line for each span, indented under its parent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mail_sandbox.spans import Span, Status

ORPHANS = "(parent not received)"
REPLY = "mail.reply"
"""The attribute of an event that holds the relay's reply."""
LONGEST_NOTE = 80

_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_COARSE = 1000
"""From this many tenths of a millisecond on, they are not printed."""


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    span: Span | None = None


def draw(spans: Iterable[Span]) -> str:
    """Return the tree of one trace: name, service, offset from the trace's start, duration, error or reply.

    Children are in the order of their start. Spans whose parent was not received are below the rest. A line ends with
    the relay's reply, and with the id of a linked trace.

        POST /send                mail-api     +0 ms   12.3 ms
        └─ postfix receive        mail-server  +4 ms   10.0 ms
           └─ postfix deliver     mail-server  +4 ms    3.10 s  ERROR auth: 535-5.7.8 Username and Password not ...
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.end, span.span_id))
    if not ordered:
        return ""
    lines = list(_lines(ordered))
    start = ordered[0].start
    columns = [
        (
            line.label,
            line.span.service if line.span else "",
            f"+{duration(line.span.start - start)}" if line.span else "",
            duration(line.span.end - line.span.start) if line.span else "",
            _note(line.span) if line.span else "",
        )
        for line in lines
    ]
    name, service, offset, took, _ = (max(map(len, column)) for column in zip(*columns, strict=True))
    return "".join(
        f"{label:<{name}}  {by:<{service}}  {after:>{offset}}  {lasted:>{took}}  {error}".rstrip() + "\n"
        for label, by, after, lasted, error in columns
    )


def duration(nanoseconds: int) -> str:
    """Return a duration in about three digits: `340 µs`, `1.2 ms`, `125 ms`, `3.40 s`, `2 min 05 s`."""
    if nanoseconds < 0:
        return f"-{duration(-nanoseconds)}"
    if nanoseconds < _MILLISECOND:
        return f"{nanoseconds // _MICROSECOND} µs" if nanoseconds else "0 ms"
    if nanoseconds < _SECOND:
        # Truncated, not rounded: 999.9 ms must not become 1000 ms.
        tenths = nanoseconds // (_MILLISECOND // 10)
        return f"{tenths // 10}.{tenths % 10} ms" if tenths < _COARSE else f"{tenths // 10} ms"
    if nanoseconds < _MINUTE:
        return f"{nanoseconds // _SECOND}.{nanoseconds % _SECOND // (_SECOND // 100):02d} s"
    minutes, seconds = divmod(nanoseconds // _SECOND, 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004


def _lines(ordered: Sequence[Span]) -> Iterator[_Line]:
    """Yield the lines from top to bottom; each span has exactly one."""
    children: dict[str, list[Span]] = {}
    for span in ordered:
        children.setdefault(span.parent_span_id, []).append(span)
    known = {span.span_id for span in ordered}
    drawn: set[str] = set()
    for root in children.get("", []):
        yield from _branch(root, children, drawn, first="", rest="")
    tops = [span for span in ordered if span.parent_span_id and span.parent_span_id not in known]
    # The rest are spans that are each other's parents.
    tops += [span for span in ordered if span.parent_span_id in known]
    orphans = [line for top in tops for line in _branch(top, children, drawn, first="└─ ", rest="   ")]
    if orphans:
        yield _Line(ORPHANS)
        yield from orphans


def _branch(span: Span, children: dict[str, list[Span]], drawn: set[str], *, first: str, rest: str) -> Iterator[_Line]:
    """Yield the lines of a span and of everything below it; `first` and `rest` are their prefixes."""
    stack = [(span, first, rest)]
    while stack:
        current, head, indent = stack.pop()
        if current.span_id in drawn:
            continue
        drawn.add(current.span_id)
        yield _Line(head + current.name, current)
        below = children.get(current.span_id, [])
        for index, child in reversed(list(enumerate(below))):
            last = index == len(below) - 1
            stack.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))


def _note(span: Span) -> str:
    """Return the error, the relay's reply, and the ids of linked traces."""
    error = f"ERROR {span.attributes.get('error.type') or span.status_message}".rstrip()
    replies = (event.attributes.get(REPLY) for event in span.events)
    said = next((shortened(str(reply)) for reply in replies if reply), "")
    links = [f"see trace {link.trace_id}" for link in span.links if link.trace_id != span.trace_id]
    return ": ".join(filter(None, (error if span.status is Status.ERROR else "", said, *links)))


def shortened(reply: str) -> str:
    """Return the relay's own reply, cut where it is too long for a line."""
    text = reply.partition(" said: ")[2] or reply
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 4].rstrip() + " ..."
