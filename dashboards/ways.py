"""Where clicks lead, and the columns that tables of log lines have."""

from typing import Final

from dashboards.boards import Board
from dashboards.logql import TRACE, known
from dashboards.model import Column, Link
from mail_telemetry.names import Attribute

_SOURCES: Final = "&".join(f"${{{name}_datasource:queryparam}}" for name in ("prometheus", "loki", "tempo"))


def to(board: Board, title: str, **variables: str) -> Link:
    """Return the way to another dashboard, at the same time and with the same data sources."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return Link(title, f"/d/{board.value}?${{__url_time_range}}&{_SOURCES}{chosen}")


TRAIL: Final = to(Board.TRAIL, "Message trail", id="${__value.raw}")
"""Of a message, queue or trace id."""

WHEN: Final = Column("Time", "Time", width=165)
EVENT: Final = Column("message", "Event", width=170)
REPLY: Final = Column(known(Attribute.REPLY), "Reply", wrap=True)
CAUSE: Final = Column(known(Attribute.CAUSE), "Cause", width=90)
MESSAGE_ID: Final = Column(known(Attribute.MESSAGE_ID), "Message", width=130, link=TRAIL)
QUEUE_ID: Final = Column(known(Attribute.QUEUE_ID), "Queue id", width=130, link=TRAIL)
TRACE_ID: Final = Column(
    TRACE, "Trace", width=130, link=to(Board.TRAIL, "Message trail", id="${__value.raw}", trace="${__value.raw}")
)
