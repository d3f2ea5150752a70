"""The spans that are described are the spans that there are names for."""

from pathlib import Path

from mail_telemetry.names import LogLine, Service, SpanName
from mail_telemetry.spans import ATTRIBUTES, HTTP_SPAN, SPAN_DESCRIPTIONS
from tests.documents import blocks

PAGE = Path(__file__).resolve().parents[2] / "docs/traces-and-logs.md"


def test_every_span_is_described() -> None:
    """Each name of a span is described once, in the order of a mail's way."""
    assert [span.name for span in SPAN_DESCRIPTIONS] == [HTTP_SPAN, *SpanName]


def test_every_attribute_is_explained() -> None:
    """What a span may say has a meaning."""
    assert {name for span in SPAN_DESCRIPTIONS for name in span.attributes} - set(ATTRIBUTES) == set()


def test_every_parent_is_a_span() -> None:
    """Spans hang on one another, up to the HTTP request."""
    known = {span.name for span in SPAN_DESCRIPTIONS}
    assert [span.name for span in SPAN_DESCRIPTIONS if span.parent is None] == [HTTP_SPAN]
    assert {span.parent for span in SPAN_DESCRIPTIONS if span.parent} <= known


def test_picture_shows_every_span() -> None:
    """The page has a picture with every span, and names every line of the log."""
    picture = next(block.text for block in blocks(PAGE) if block.language == "text")
    assert [span.name for span in SPAN_DESCRIPTIONS if span.name not in picture] == []
    assert [line for line in LogLine if f"`{line}`" not in PAGE.read_text()] == []
    assert {span.service for span in SPAN_DESCRIPTIONS} == {Service.API, Service.SERVER}
