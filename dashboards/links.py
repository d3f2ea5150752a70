"""Links between dashboards, and the columns that several tables of log lines have."""

from typing import Final

from dashboards.boards import Board
from dashboards.logql import TRACE, known
from dashboards.model import Column, Link
from mail_telemetry.names import Attribute

ID: Final = "id"
"""Variable of the message trail: a message, queue or trace id."""
TRACE_SHOWN: Final = "trace"
"""Variable of the message trail: the trace that is drawn."""
_SOURCES: Final = "&".join(f"${{{name}_datasource:queryparam}}" for name in ("prometheus", "loki", "tempo"))


def to(board: Board, title: str, **variables: str) -> Link:
    """Return a link to another dashboard, with the same time range and data sources."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return Link(title, f"/d/{board.value}?${{__url_time_range}}&{_SOURCES}{chosen}")


TIME: Final = Column("Time", "Time", width=165)
EVENT: Final = Column("message", "Event", width=170)
REPLY: Final = Column(known(Attribute.REPLY), "Reply", wrap=True)
CAUSE: Final = Column(known(Attribute.CAUSE), "Cause", width=115)
TRACE_ID: Final = Column(
    TRACE,
    "Trace",
    width=90,
    link=to(Board.TRAIL, "Message trail", **{ID: "${__value.raw}", TRACE_SHOWN: "${__value.raw}"}),
)
TO_TRAIL: Final = to(
    Board.TRAIL, "Message trail", **{ID: "${__value.raw}", TRACE_SHOWN: f"${{__data.fields.{TRACE_ID.heading}}}"}
)
"""From an id in a table that has the column `TRACE_ID`: Grafana cannot find the trace by a message id in one step."""
MESSAGE_ID: Final = Column(known(Attribute.MESSAGE_ID), "Message", width=90, link=TO_TRAIL)
QUEUE_ID: Final = Column(known(Attribute.QUEUE_ID), "Queue id", width=90, link=TO_TRAIL)
