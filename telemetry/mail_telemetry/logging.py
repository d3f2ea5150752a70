"""JSON log lines on stdout by loguru; records of standard library loggers are handled the same way.

library ──▶ standard library ──▶ loguru ──▶ patcher: trace ids, masked exception ──▶ JSON ──▶ stdout

The API writes its lines through a bounded queue, so that its event loop does not wait for stdout.
"""

import json
import logging
import sys
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TextIO

from loguru import logger
from opentelemetry.trace import get_current_span

from mail_telemetry.masking import mask_text
from mail_telemetry.names import Service

if TYPE_CHECKING:
    from loguru import Record

QUEUED_LINES: Final = 10_000
"""Lines that may wait for a slow stdout: about 10 MB."""
_FLUSH_SECONDS: Final = 1.0
_ENCODER: Final = json.JSONEncoder(default=str, ensure_ascii=False)
_LEVELS: Final = frozenset({"TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"})


class LogOutput:
    """The output of the log lines of this process, and the count of lost lines.

    Args:
        stream: receives the lines.
        queue_limit: the most lines in a queue that a thread writes; None writes each line at once.
    """

    def __init__(self, stream: TextIO, queue_limit: int | None = None) -> None:
        writer = _StreamHandler(stream)
        self._losses = [writer.losses]
        self._listener: QueueListener | None = None
        self.handler: logging.Handler = writer
        """The sink for loguru."""
        if queue_limit is not None:
            # SimpleQueue, because a finalizer may log while this thread reads the queue: queue.Queue would deadlock.
            queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
            bounded = _BoundedQueueHandler(queue, queue_limit)
            self._losses.append(bounded.losses)
            self.handler = bounded
            self._listener = QueueListener(queue, writer)
            self._listener.start()

    @property
    def lost_lines(self) -> int:
        """Lines that were not written, because the queue was full or the stream failed."""
        return sum(losses.count for losses in self._losses)

    def close(self) -> None:
        """Write the queued lines, for at most 1 s."""
        if self._listener is not None:
            # QueueListener.stop waits without a limit; a daemon thread ends with the process.
            thread = Thread(target=self._listener.stop, name="log-flush", daemon=True)
            thread.start()
            thread.join(_FLUSH_SECONDS)


def configure(
    service: Service, level: str = "INFO", stream: TextIO | None = None, *, queue_limit: int | None = None
) -> LogOutput:
    """Write all log lines of this process as JSON, with service, level, trace_id and span_id.

    Args:
        service: the value of the `service` field.
        level: the lowest level that is written, by loguru's name.
        stream: receives the lines; stdout by default.
        queue_limit: as for `LogOutput`; for a process with an event loop that must not wait for stdout.
    """
    output = LogOutput(stream or sys.stdout, queue_limit)

    def format_line(record: "Record") -> str:
        record["extra"]["serialized"] = _json_line(service, record)
        return "{extra[serialized]}"

    logger.configure(
        handlers=[
            {
                "sink": output.handler,
                "level": level.upper(),
                "format": format_line,
                "backtrace": False,
                "diagnose": False,
            }
        ],
        patcher=_add_trace_and_exception,
    )
    logging.basicConfig(handlers=[_InterceptHandler()], level=logging.INFO, force=True)
    return output


def _add_trace_and_exception(record: "Record") -> None:
    """Add the ids of the current span, unless the line has a trace id, and the exception's class and masked text."""
    extra = record["extra"]
    span = get_current_span().get_span_context()
    if span.is_valid and "trace_id" not in extra:
        extra["trace_id"], extra["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
    if record["exception"] is not None:
        kind, value, _ = record["exception"]
        extra["exception"] = f"{kind.__name__ if kind else 'Exception'}: {_masked_text_of(value)}"
        record["exception"] = None  # no traceback: it would follow the line, with unmasked addresses


def _masked_text_of(error: BaseException | None) -> str:
    try:
        return mask_text(str(error))
    except Exception as failure:  # noqa: BLE001 - an error whose __str__ fails must not raise where it is logged
        return f"(no text: {type(failure).__name__})"


def _json_line(service: Service, record: "Record") -> str:
    line: dict[str, Any] = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name.lower(),
        "service": service.value,
        "logger": record["name"],
        "message": record["message"],
    }
    try:
        text = _ENCODER.encode({**line, **record["extra"]})
    except Exception as error:  # noqa: BLE001 - a value whose __str__ fails must not cost the line
        text = _ENCODER.encode({**line, "unwritable": type(error).__name__})
    # A lone surrogate, which UTF-8 cannot express, becomes an escape.
    return text.encode("utf-8", "backslashreplace").decode()


class _Losses:
    """Counts lost lines, and writes to stderr when lines begin to be lost."""

    def __init__(self, reason: str) -> None:
        self.count = 0
        self._reason = reason
        self._is_losing = False

    def add(self) -> None:
        self.count += 1
        if not self._is_losing:
            self._is_losing = True
            with suppress(OSError, ValueError):  # stderr is closed too
                sys.stderr.write(f"log lines are lost: {self._reason}\n")

    def end(self) -> None:
        self._is_losing = False


class _StreamHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream.

    It has no lock: its only caller is the queue's thread, or loguru under its own lock. At exit the standard library
    acquires the lock of every handler, and would wait for a thread that is blocked by an unread stdout.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.losses = _Losses("stdout is closed or full")

    def createLock(self) -> None:  # noqa: N802 - the base class's name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the line; the base class would enter the lock."""
        self.emit(record)
        return True

    def flush(self) -> None:
        """Do nothing: `emit` flushes each line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(self.format(record) + self.terminator)
            self.stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.losses.add()
        else:
            self.losses.end()


class _BoundedQueueHandler(QueueHandler):
    def __init__(self, queue: "SimpleQueue[logging.LogRecord]", limit: int) -> None:
        super().__init__(queue)
        self._lines = queue
        self._limit = limit
        self.losses = _Losses("stdout is slower than the log")

    def enqueue(self, record: logging.LogRecord) -> None:
        del record.extra  # type: ignore[attr-defined]  # loguru's; the text of the line has all of it
        waiting = self._lines.qsize()
        if waiting >= self._limit:
            self.losses.add()
            return
        if waiting < self._limit / 2:
            self.losses.end()
        self._lines.put_nowait(record)


class _InterceptHandler(logging.Handler):
    """Passes a standard library record to loguru, with the name of its own logger."""

    def emit(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelname if record.levelname in _LEVELS else record.levelno
        named = logger.patch(lambda made: made.update(name=record.name))  # type: ignore[call-arg]
        named.opt(exception=record.exc_info).log(level, "{}", record.getMessage())
