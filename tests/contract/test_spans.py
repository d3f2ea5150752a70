"""The described spans and attributes are those that have a name in the code."""

from pathlib import Path

from mail_telemetry.names import LogLine, Service, SpanName
from mail_telemetry.spans import ATTRIBUTES, HTTP_SPAN, SPAN_DESCRIPTIONS
from tests.documents import blocks

PAGE = Path(__file__).resolve().parents[2] / "docs/traces-and-logs.md"


def test_every_span_is_described() -> None:
    """Each span is described once, in the order in which a mail passes them."""
    assert [span.name for span in SPAN_DESCRIPTIONS] == [HTTP_SPAN, *SpanName]


def test_every_attribute_is_explained() -> None:
    """Every attribute of a span has a description."""
    assert {name for span in SPAN_DESCRIPTIONS for name in span.attributes} - set(ATTRIBUTES) == set()


def test_every_parent_is_a_span() -> None:
    """Every parent is a span, and the outermost one is the HTTP request."""
    known = {span.name for span in SPAN_DESCRIPTIONS}
    assert [span.name for span in SPAN_DESCRIPTIONS if span.parent is None] == [HTTP_SPAN]
    assert {span.parent for span in SPAN_DESCRIPTIONS if span.parent} <= known


def test_diagram_has_every_span() -> None:
    """The page has a diagram with every span, and names every log line."""
    picture = next(block.text for block in blocks(PAGE) if block.language == "text")
    assert [span.name for span in SPAN_DESCRIPTIONS if span.name not in picture] == []
    assert [line for line in LogLine if f"`{line}`" not in PAGE.read_text()] == []
    assert {span.service for span in SPAN_DESCRIPTIONS} == {Service.API, Service.SERVER}
