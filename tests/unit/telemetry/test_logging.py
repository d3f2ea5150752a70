"""Log lines as JSON: fields, trace ids, masking, lost lines and slow output."""

import io
import json
import logging as stdlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from loguru import logger
from opentelemetry.sdk.trace import TracerProvider

from mail_telemetry import logging
from mail_telemetry.names import Service


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Return the log output, and reset loguru afterwards."""
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
    """A line is one object with service, level and the fields of the event."""
    logger.info("mail accepted", queue_id="4jXS")
    line = last(out)
    assert (line["service"], line["level"], line["message"], line["queue_id"]) == (
        "mail-api",
        "info",
        "mail accepted",
        "4jXS",
    )


def test_trace_of_the_current_span(out: io.StringIO) -> None:
    """A line that is logged inside a span has its ids."""
    with TracerProvider().get_tracer("test").start_as_current_span("span") as span:
        logger.info("inside")
    assert last(out)["trace_id"] == f"{span.get_span_context().trace_id:032x}"


def test_library_lines(out: io.StringIO) -> None:
    """A record of a standard library logger is written in the same form, braces included."""
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
    """An address in the text of an exception is masked."""
    try:
        int("anna@example.org")
    except ValueError:
        logger.exception("failed")
    assert last(out)["exception"] == "ValueError: invalid literal for int() with base 10: 'a***@example.org'"


@pytest.mark.parametrize(
    ("unix", "expected"),
    [
        pytest.param(1_795_858_200.0, "2026-11-28T10:30:00.000+01:00", id="winter"),
        pytest.param(1_782_000_000.1236, "2026-06-21T02:00:00.123+02:00", id="summer"),
    ],
)
def test_time(monkeypatch: pytest.MonkeyPatch, out: io.StringIO, unix: float, expected: str) -> None:
    """A line has the local time (TZ), in milliseconds."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    moment = datetime.fromtimestamp(unix, ZoneInfo("Europe/Berlin"))
    logger.patch(lambda record: record.update(time=moment)).info("at last")  # type: ignore[call-arg]
    monkeypatch.undo()
    time.tzset()
    assert last(out)["time"] == expected


def test_order_of_fields(out: io.StringIO) -> None:
    """The order is: fixed fields, context, bound fields, fields of the call, span ids; a bound trace id is kept."""
    with (
        TracerProvider().get_tracer("test").start_as_current_span("span"),
        logger.contextualize(**{"http.request.id": "req_1"}),
    ):
        logger.bind(a=1).info("said", b=2)
    assert list(last(out)) == [
        *("time", "level", "service", "logger", "message"),
        *("http.request.id", "a", "b", "trace_id", "span_id"),
    ]
    logger.bind(trace_id="f" * 32, a=1).info("said")
    assert list(last(out))[5:] == ["trace_id", "a"]


def test_message_with_braces(out: io.StringIO) -> None:
    """Braces in a message or a field are text."""
    logger.bind(field="{level}").info("{extra[x]}")
    assert (last(out)["message"], last(out)["field"]) == ("{extra[x]}", "{level}")


class Unwritable:
    """An object that has no text."""

    def __str__(self) -> str:
        """Raise an error."""
        raise RuntimeError("anna@example.org")


def test_line_that_cannot_be_encoded(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that cannot be encoded has the field `unwritable`, without its own fields and the error's text."""
    logger.bind(a=Unwritable()).info("odd")
    logger.info("next")
    assert (last(out)["message"], json.loads(out.getvalue().splitlines()[0])["unwritable"]) == ("next", "RuntimeError")
    assert "anna" not in out.getvalue() + "".join(capsys.readouterr())


def test_lone_surrogate(tmp_path: Path) -> None:
    """A character that UTF-8 cannot encode is written as an escape."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        logging.configure(Service.API, stream=stream)
        logger.bind(a="a\ud800b").info("odd")
        logger.remove()
    assert '"a\\ud800b"' in (tmp_path / "log").read_text()


class Stream(io.StringIO):
    """A stream that can block or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = Event()
        self.is_open.set()
        self.fails = False

    def write(self, text: str, /) -> int:
        """Write the text, raise an error, or wait."""
        self.is_open.wait(10)
        if self.fails:
            raise OSError("no space left on device")
        return super().write(text)


def messages(stream: io.StringIO) -> list[str]:
    """Return the messages that were written."""
    return [json.loads(line)["message"] for line in stream.getvalue().splitlines()]


def test_stream_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that cannot be written are counted, and stderr has one message for each series of losses."""
    stream = Stream()
    output = logging.configure(Service.API, stream=stream)
    for fails, text in ((True, "lost"), (True, "lost too"), (False, "kept"), (True, "lost again")):
        stream.fails = fails
        logger.info(text)
    assert (messages(stream), output.lost_lines) == (["kept"], 3)
    assert capsys.readouterr().err == "log lines are lost: stdout is closed or full\n" * 2


def test_closed_stream() -> None:
    """Logging to a closed stdout raises nothing."""
    stream = io.StringIO()
    output = logging.configure(Service.API, stream=stream, queue_limit=10)
    stream.close()
    logger.info("late")
    output.close()
    assert output.lost_lines == 1


def test_queue(capsys: pytest.CaptureFixture[str]) -> None:
    """With a queue, a slow stdout does not block: lines above the limit are dropped, counted and reported once."""
    stream = Stream()
    output = logging.configure(Service.API, stream=stream, queue_limit=100)
    stream.is_open.clear()
    started = time.monotonic()
    for number in range(1000):
        logger.info("line {}", number)
    assert time.monotonic() - started < 5
    stream.is_open.set()
    output.close()
    written = messages(stream)
    assert written[:100] == [f"line {number}" for number in range(100)]
    assert len(written) == 1000 - output.lost_lines <= 102  # the writer may have one, and take another
    assert capsys.readouterr().err == "log lines are lost: stdout is slower than the log\n"


@pytest.mark.slow
def test_end_is_bounded() -> None:
    """Closing waits for a blocked stdout for at most a second."""
    stream = Stream()
    output = logging.configure(Service.API, stream=stream, queue_limit=100)
    stream.is_open.clear()
    logger.info("stuck")
    started = time.monotonic()
    output.close()
    assert 0.5 < time.monotonic() - started < 3
    stream.is_open.set()


def test_exception_without_text(out: io.StringIO) -> None:
    """An exception whose `__str__` fails is logged by its class name, and logging raises nothing."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("anna@example.org")

    logger.opt(exception=MuteError()).error("failed")
    assert last(out)["exception"] == "MuteError: (no text: RuntimeError)"


@pytest.mark.slow
def test_process_whose_stdout_is_not_read() -> None:
    """A process with a full, unread stdout exits after a second."""
    code = (
        "from loguru import logger; from mail_telemetry import logging\n"
        "output = logging.configure(logging.Service.API, queue_limit=10_000)\n"
        "for _ in range(2_000): logger.info('x' * 100)\n"
        "output.close()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:  # noqa: S603 - Python
        assert process.wait(20) == 0


def test_line_that_is_logged_while_another_is_formatted(out: io.StringIO) -> None:
    """Logging from a finalizer does not block and loses no line."""

    class Logging:
        def __str__(self) -> str:
            logger.info("from within")
            return "text"

    logger.bind(a=Logging()).info("outer")
    assert "outer" in messages(out)


def test_level(out: io.StringIO) -> None:
    """A line below the level is not written."""
    logger.debug("quiet")
    assert not out.getvalue()
