"""One JSON object per line on stdout, from loguru and from every library that logs through the standard library.

library ──▶ standard library ──▶ loguru ──┐
                                 loguru ──┼──▶ Line ──▶ stdout, OTLP
                    what is said often ───┘
"""

import atexit
import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from loguru import logger
from opentelemetry.trace import get_current_span

from mail_telemetry.gathering import Gathered, tell_loss
from mail_telemetry.masking import mask_text
from mail_telemetry.names import Service

if TYPE_CHECKING:
    from loguru import Message, Record

_ENCODER: Final = json.JSONEncoder(default=str, ensure_ascii=False)  # json.dumps would make one for each line
_INFO: Final = "info"
_TO_THE_SECOND: Final = len("2026-11-28T09:30:00")


class Line(NamedTuple):
    """What is logged, before it is JSON or a record of OpenTelemetry's."""

    time: float
    """Unix time."""
    level: str
    """One of loguru's names, in lower case."""
    severity: int
    """The level's number: loguru's are the standard library's."""
    logger: str | None
    message: str
    fields: dict[str, Any]
    """What it says besides, `trace_id`, `span_id` and `exception` among it."""


Outlet = Callable[[Line], None]


class _Lines:
    """Where this process's lines go, and from which level on."""

    def __init__(self) -> None:
        self.least: int = sys.maxsize
        self.outlets: tuple[Outlet, ...] = ()

    def write(self, line: Line) -> None:
        for outlet in self.outlets:
            try:
                outlet(line)
            except Exception as problem:  # noqa: BLE001 - it must stop neither the other outlets nor what the line is about
                tell_loss(problem)


_lines: Final = _Lines()


def configure(service: Service, level: str = "INFO", stream: TextIO | None = None, *, gathers: bool = False) -> None:
    """Make this the only writer of this process: JSON lines with service, level, trace_id and span_id.

    Args:
        service: the value of the `service` field.
        level: the least level written, one of loguru's names.
        stream: where lines go; stdout by default.
        gathers: whether lines below a warning may go out a moment late, many at once; a process that is killed then
            takes the last ones with it.
    """
    out = stream or sys.stdout

    def render(line: Line) -> str:
        try:
            return _ENCODER.encode(_fields_of(service, line)) + "\n"
        except Exception as problem:  # noqa: BLE001 - the lines around it are worth more than what it was
            return render(line._replace(fields={"unwritable": type(problem).__name__}))

    def write(line: Line) -> None:
        out.write(render(line))
        out.flush()

    outlet = _gathering(out, render) if gathers else write
    _lines.least, _lines.outlets = logger.level(level.upper()).no, (outlet,)
    logger.remove()
    logger.add(_take, level=level.upper(), format="{message}", catch=True)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)


def _gathering(out: TextIO, render: Callable[[Line], str]) -> Outlet:
    gathered = Gathered(out, render)
    atexit.register(gathered.flush)
    return lambda line: gathered.put(line, at_once=line.severity >= logging.WARNING)


def add_outlet(outlet: Outlet) -> Callable[[], None]:
    """Let every line go there as well; return what ends that."""
    _lines.outlets += (outlet,)

    def remove() -> None:
        _lines.outlets = tuple(known for known in _lines.outlets if known is not outlet)

    return remove


def say(name: str, message: str, fields: Mapping[str, Any]) -> None:
    """Write a line at level info as loguru would, without its cost: for what is written at each request.

    Args:
        name: whose line it is.
        message: what happened.
        fields: what is known about it; of loguru's context nothing is added.
    """
    if _lines.least <= logging.INFO:
        _lines.write(Line(time(), _INFO, logging.INFO, name, message, _traced(fields)))


def _take(message: "Message") -> None:
    _lines.write(_line_of(message.record))


def _line_of(record: "Record") -> Line:
    fields = _traced(record["extra"])
    if record["exception"] is not None:
        kind, value, _ = record["exception"]
        fields["exception"] = f"{kind.__name__ if kind else 'Exception'}: {mask_text(str(value))}"
    level = record["level"]
    return Line(record["time"].timestamp(), level.name.lower(), level.no, record["name"], record["message"], fields)


def _traced(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the ids of the current span, unless they name a trace."""
    span = get_current_span().get_span_context()
    if not span.is_valid or "trace_id" in fields:
        return dict(fields)
    return {**fields, "trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


def _fields_of(service: Service, line: Line) -> dict[str, Any]:
    """Return what a line says on stdout, in its order."""
    return {
        "time": _local_time(line.time),
        "level": line.level,
        "service": service.value,
        "logger": line.logger,
        "message": line.message,
        **line.fields,
    }


def _local_time(unix: float) -> str:
    """Return the time with its milliseconds and its distance from UTC."""
    second, millisecond = divmod(int(unix * 1000), 1000)
    begin, offset = _local_second(second)
    return f"{begin}.{millisecond:03}{offset}"


@lru_cache(maxsize=1)
def _local_second(unix: int) -> tuple[str, str]:
    # The C library looks at /etc/localtime each time that it is asked.
    text = datetime.fromtimestamp(unix).astimezone().isoformat()
    return text[:_TO_THE_SECOND], text[_TO_THE_SECOND:]


class _ToLoguru(logging.Handler):
    """Hands a standard library record to loguru, under the library's own name."""

    def emit(self, record: logging.LogRecord) -> None:
        known = {"TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"}
        level: str | int = record.levelname if record.levelname in known else record.levelno
        named = logger.patch(lambda made: made.update(name=record.name))  # type: ignore[call-arg]
        named.opt(exception=record.exc_info).log(level, "{}", record.getMessage())
