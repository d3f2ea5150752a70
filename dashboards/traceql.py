"""TraceQL over the spans' attributes."""

from typing import Final

from dashboards.logql import typed
from mail_telemetry.names import Attribute

_TRACE: Final = "trace:id"


def carrying(variable: str) -> str:
    """Return a query of the traces whose message, queue or trace id is what somebody typed."""
    text = typed(variable)
    names = (f"span.{Attribute.MESSAGE_ID}", f"span.{Attribute.QUEUE_ID}", _TRACE)
    return f"{{ {' || '.join(f'{name} = {text}' for name in names)} }}"


NONE: Final = "{ false }"
"""A query that finds nothing, where a trace's id could be: an empty text is an error for Tempo."""
