"""One JSON object per line."""

import io
import json
import logging as stdlib
import time
from collections.abc import Iterator

import pytest
from loguru import logger
from opentelemetry.sdk.trace import TracerProvider

from mail_telemetry import logging
from mail_telemetry.names import Service


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Return what is logged, and leave loguru as it was."""
    stream = io.StringIO()
    logging.configure(Service.API, "INFO", stream)
    yield stream
    logger.remove()
    stdlib.basicConfig(handlers=[], force=True)


def last(out: io.StringIO) -> dict[str, object]:
    """Return the last line's object."""
    line: dict[str, object] = json.loads(out.getvalue().splitlines()[-1])
    return line


def test_line(out: io.StringIO) -> None:
    """A line is one object with service, level and the event's own fields."""
    logger.info("mail accepted", queue_id="4jXS")
    line = last(out)
    assert (line["service"], line["level"], line["message"], line["queue_id"]) == (
        "mail-api",
        "info",
        "mail accepted",
        "4jXS",
    )


def test_trace_of_the_current_span(out: io.StringIO) -> None:
    """A line that is written inside a span carries its ids."""
    with TracerProvider().get_tracer("test").start_as_current_span("span") as span:
        logger.info("inside")
    assert last(out)["trace_id"] == f"{span.get_span_context().trace_id:032x}"


def test_library_lines(out: io.StringIO) -> None:
    """What a library logs through the standard library goes the same way, braces and all."""
    stdlib.getLogger("uvicorn.error").warning("odd {thing}")
    line = last(out)
    assert (line["logger"], line["level"], line["message"]) == ("uvicorn.error", "warning", "odd {thing}")


def test_exception(out: io.StringIO) -> None:
    """An exception becomes a field of the same line."""
    try:
        int("bad")
    except ValueError:
        logger.exception("failed")
    assert last(out)["exception"] == "ValueError: invalid literal for int() with base 10: 'bad'"


def test_exception_about_an_address(out: io.StringIO) -> None:
    """An address in an exception's text is masked, like everywhere."""
    try:
        int("anna@example.org")
    except ValueError:
        logger.exception("failed")
    assert last(out)["exception"] == "ValueError: invalid literal for int() with base 10: '***@example.org'"


def test_gathered() -> None:
    """Where lines may wait, a warning does not, and comes out behind those before it."""
    stream = io.StringIO()
    logging.configure(Service.API, stream=stream, gathers=True)
    logger.info("first")
    logger.warning("second")
    deadline = time.monotonic() + 5
    while stream.getvalue().count("\n") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["first", "second"]


@pytest.mark.parametrize(
    ("unix", "expected"),
    [
        pytest.param(1_795_858_200.0, "2026-11-28T10:30:00.000+01:00", id="winter"),
        pytest.param(1_782_000_000.1236, "2026-06-21T02:00:00.123+02:00", id="summer"),
        pytest.param(1_795_858_199.9996, "2026-11-28T10:29:59.999+01:00", id="not later than it was"),
    ],
)
def test_time(monkeypatch: pytest.MonkeyPatch, out: io.StringIO, unix: float, expected: str) -> None:
    """A line has the time of its place (TZ), to the millisecond."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.setattr(logging, "time", lambda: unix)
    logging.say("mail_api", "at last", {})
    monkeypatch.undo()
    time.tzset()
    assert last(out)["time"] == expected


def test_said_like_loguru(out: io.StringIO) -> None:
    """What is said directly is the same line, ids of the span and all."""
    with TracerProvider().get_tracer("test").start_as_current_span("span"):
        logger.bind(queue_id="4jXS").info("mail accepted")
        logging.say(__name__, "mail accepted", {"queue_id": "4jXS"})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    for line in lines:
        del line["time"]
    assert lines[0] == lines[1]
    assert list(lines[0]) == list(lines[1])


class Unwritable:
    """What has no text."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("anna@example.org")


def test_line_that_can_not_be_written(out: io.StringIO) -> None:
    """It says so, without its fields, and without the words of what went wrong."""
    logging.say(__name__, "odd", {"a": Unwritable()})
    logger.info("next")
    assert (last(out)["message"], json.loads(out.getvalue().splitlines()[0])["unwritable"]) == ("next", "RuntimeError")
    assert "anna" not in out.getvalue()


def test_outlet_that_takes_nothing(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds up neither who logs nor the other outlets, and standard error says that lines are lost."""
    out.close()
    told: list[str] = []
    remove = logging.add_outlet(lambda line: told.append(line.message))
    logging.say(__name__, "said", {})
    logger.info("logged")
    remove()
    assert told == ["said", "logged"]
    assert capsys.readouterr().err == "log lines are lost: ValueError\n" * 2


def test_said_below_the_level() -> None:
    """What is said is at level info, and not written above it."""
    stream = io.StringIO()
    logging.configure(Service.API, "WARNING", stream)
    logging.say(__name__, "quiet", {})
    assert not stream.getvalue()


def test_level(out: io.StringIO) -> None:
    """What is below the level is not written."""
    logger.debug("quiet")
    assert not out.getvalue()
