"""Message trail: log lines, delivery attempts and trace of one mail, by id."""

from typing import Final

from dashboards import logql
from dashboards.boards import Board
from dashboards.colours import OUTCOMES, STATUSES
from dashboards.links import CAUSE, EVENT, ID, MESSAGE_ID, QUEUE_ID, REPLY, TIME, TRACE_ID, TRACE_SHOWN, to
from dashboards.logql import TRACE, chosen, known, typed
from dashboards.model import (
    Column,
    Heading,
    Kind,
    Lines,
    LogMetrics,
    Origin,
    Page,
    Panel,
    Shelf,
    Text,
    TextVariable,
    Traces,
    Unit,
)
from mail_telemetry.names import Attribute, LogLine, Service

_STATUS: Final = Column(
    known(Attribute.STATUS),
    "Status",
    width=80,
    values={status: Text(status, colour) for status, colour in STATUSES.items()},
)
_NO_TRACE: Final = "{ false }"
"""A TraceQL query that finds nothing, in place of the id of a trace: an empty text is an error in Tempo."""
_NONE_CHOSEN: Final = "No log line: enter an id above, choose a mail, or widen the time range"
_READABLE: Final = ("level", "message", "reason", Attribute.STATUS, Attribute.CAUSE, Attribute.REPLY, Attribute.OUTCOME)

_HELP: Final = Panel(
    Kind.TEXT,
    "How to search",
    "What to enter in the field at the top.",
    text=(
        "Enter a **message id** (`msg_…`, from the API response), a **queue id** (from `mailq` or a bounce) or a "
        "**trace id** in the field at the top, or click on an id in the table. Mail that was not received by the API "
        "has no message id. The trace at the end is the one that you clicked on last. Without Grafana: `docker exec "
        "mail-exporter mail-exporter explain ID`."
    ),
)
_FINISHED: Final = logql.lines(Service.EXPORTER, contain=[LogLine.FINISH])
_NEWEST: Final = Panel(
    Kind.TABLE,
    "Newest mails",
    "The newest mails that left the queue. Good: `sent`. A click on an id shows the events and the trace of the mail.",
    (Lines(_FINISHED, 50, logql.row_if_empty(_FINISHED, known(Attribute.OUTCOME), "No mail left the queue")),),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    columns=(
        TIME,
        Column(
            known(Attribute.OUTCOME),
            "Outcome",
            width=190,
            values={outcome: Text(outcome, colour) for outcome, colour in OUTCOMES.items()},
        ),
        Column(known(Attribute.ENTRY), "Entry", width=90),
        Column(known(Attribute.ATTEMPTS), "Attempts", width=80),
        Column(known(Attribute.DURATION), "Seconds", width=80),
        MESSAGE_ID,
        QUEUE_ID,
        TRACE_ID,
    ),
)
_EVENT_LINES: Final = chosen(logql.lines(Service.API, Service.EXPORTER, contain=LogLine, having=typed(ID)), ID)
_EVENTS: Final = Panel(
    Kind.TABLE,
    "Mail events",
    "Log lines of the mail in order of time: request, attempts, outcome. Good: accepted, one attempt, `sent`. No "
    "line: the id is wrong, or older than the time range.",
    (Lines(_EVENT_LINES, 200, logql.row_if_empty(_EVENT_LINES, REPLY.name, _NONE_CHOSEN)),),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    sort="Time",
    columns=(TIME, EVENT, _STATUS, CAUSE, REPLY, MESSAGE_ID, QUEUE_ID, TRACE_ID),
)
_ATTEMPT_LINES: Final = chosen(logql.lines(Service.EXPORTER, contain=[LogLine.ATTEMPT], having=typed(ID)), ID)
_ATTEMPTS: Final = Panel(
    Kind.TABLE,
    "Delivery attempts",
    "One row for each recipient and attempt, in order of time. Good: one, `sent`. `deferred` is retried "
    "automatically; the cause and the relay's reply show the reason. The trace shows the time of each stage.",
    (Lines(_ATTEMPT_LINES, 200, logql.row_if_empty(_ATTEMPT_LINES, REPLY.name, _NONE_CHOSEN)),),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    sort="Time",
    columns=(
        TIME,
        Column(known(Attribute.ATTEMPT_NUMBER), "Attempt", width=75),
        _STATUS,
        Column(known(Attribute.RECIPIENT), "Recipient", width=150),
        CAUSE,
        Column(known(Attribute.SERVER_ADDRESS), "Relay", width=150),
        REPLY,
    ),
)
_TRACE_LINES: Final = chosen(logql.lines(Service.API, Service.EXPORTER, having=typed(ID), where={TRACE: ".+"}), ID)
_TRACES: Final = Panel(
    Kind.TABLE,
    "Traces of this mail",
    "Traces in the log lines with this id: usually one. A bounce has its own trace. A click shows the trace below.",
    (
        LogMetrics(logql.count(_TRACE_LINES, TRACE), now=True),
        LogMetrics(logql.latest(_TRACE_LINES, TRACE), now=True),
    ),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    empty="No mail chosen, or no trace in its log lines",
    sort="-Value #B",
    columns=(
        Column(
            TRACE,
            "Trace",
            link=to(Board.TRAIL, "Show this trace", **{ID: f"${{{ID}}}", TRACE_SHOWN: "${__value.raw}"}),
        ),
        Column("Value #A", "Log lines", width=90, unit=Unit.NUMBER),
        Column("Value #B", "Latest", width=165, unit=Unit.AGE),
    ),
)
_WATERFALL: Final = Panel(
    Kind.TRACES,
    "Chosen trace",
    "All spans from the HTTP request to the relay's reply; spans named `postfix wait` are the time between retries. It "
    "is the trace that was chosen last by a click on an id, a dot in a graph or a log line.",
    (Traces(f"${{{TRACE_SHOWN}}}"),),
    unit=Unit.TEXT,
    origin=Origin.TEMPO,
)
_POSTFIX: Final = Panel(
    Kind.LOGS,
    "Postfix log",
    "Lines of `docker logs mail-server` with this id, in order of time, with masked addresses. They contain queue "
    "ids only: click on a queue id above first.",
    (Lines(chosen(logql.raw_lines(Service.SERVER, typed(ID)), ID), 200),),
    origin=Origin.LOKI,
    empty="No Postfix log line with this id: choose a queue id",
    sort="Time",
)
_SERVICES: Final = Panel(
    Kind.LOGS,
    "API and exporter log",
    "All log lines of API and exporter with this id, in order of time: warnings, retries, rejections.",
    (Lines(logql.readable(chosen(logql.lines(Service.API, Service.EXPORTER, having=typed(ID)), ID), *_READABLE), 200),),
    origin=Origin.LOKI,
    empty="No log line with this id in this time range",
    sort="Time",
)
PAGE: Final = Page(
    Board.TRAIL,
    "Message trail",
    "Log lines, delivery attempts and trace of one mail, by message, queue or trace id.",
    (
        Shelf(3, ((24, _HELP),)),
        Shelf(8, ((24, _NEWEST),)),
        Heading(f"Chosen mail: ${{{ID}}}"),
        Shelf(9, ((24, _EVENTS),)),
        Shelf(7, ((24, _ATTEMPTS),)),
        Shelf(5, ((24, _TRACES),)),
        Shelf(22, ((24, _WATERFALL),)),
        Shelf(8, ((24, _POSTFIX),)),
        Shelf(8, ((24, _SERVICES),)),
    ),
    variables=(
        TextVariable(ID, "Message, queue or trace id", "From the API response, from mailq, or from a trace"),
        TextVariable(TRACE_SHOWN, "Trace shown", "Set by links", default=_NO_TRACE, hidden=True),
    ),
)
