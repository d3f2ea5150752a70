"""One JSON object per line on stdout, from loguru and from every library that logs through the standard library."""

import atexit
import json
import logging
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

from loguru import logger
from opentelemetry.trace import get_current_span

from mail_telemetry.gathering import Gathered
from mail_telemetry.masking import mask_text
from mail_telemetry.names import Service

if TYPE_CHECKING:
    from loguru import Message, Record

_ENCODER: Final = json.JSONEncoder(default=str, ensure_ascii=False)  # json.dumps would make one for each line


def configure(service: Service, level: str = "INFO", stream: TextIO | None = None, *, gathers: bool = False) -> None:
    """Make loguru the only writer of this process: JSON lines with service, level, trace_id and span_id.

    Args:
        service: the value of the `service` field.
        level: the least level written, one of loguru's names.
        stream: where lines go; stdout by default.
        gathers: whether lines below a warning may go out a moment late, many at once; a process that is killed then
            takes the last ones with it.
    """
    out = Gathered(stream or sys.stdout) if gathers else stream or sys.stdout
    if gathers:
        atexit.register(out.flush)

    def write(message: "Message") -> None:
        out.write(_ENCODER.encode(fields_of(service, message.record)) + "\n")
        if not gathers or message.record["level"].no >= logging.WARNING:
            out.flush()

    logger.remove()
    logger.configure(patcher=_add_trace)
    logger.add(write, level=level.upper(), format="{message}", catch=True)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)


def _add_trace(record: "Record") -> None:
    context = get_current_span().get_span_context()
    if context.is_valid:
        record["extra"].setdefault("trace_id", f"{context.trace_id:032x}")
        record["extra"].setdefault("span_id", f"{context.span_id:016x}")


def fields_of(service: Service, record: "Record") -> dict[str, Any]:
    """Return what a line says, in its order."""
    fields: dict[str, Any] = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name.lower(),
        "service": service.value,
        "logger": record["name"],
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        kind, value, _ = record["exception"]
        fields["exception"] = f"{kind.__name__ if kind else 'Exception'}: {mask_text(str(value))}"
    return fields


class _ToLoguru(logging.Handler):
    """Hands a standard library record to loguru, under the library's own name."""

    def emit(self, record: logging.LogRecord) -> None:
        known = {"TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"}
        level: str | int = record.levelname if record.levelname in known else record.levelno
        named = logger.patch(lambda made: made.update(name=record.name))  # type: ignore[call-arg]
        named.opt(exception=record.exc_info).log(level, "{}", record.getMessage())
