"""Message trail: log lines, delivery attempts and trace of one mail, by id."""

from typing import Final

from dashboards.boards import Board
from dashboards.logql import attempts_by_cause, known, lines, raw_lines, typed
from dashboards.model import Column, Counted, Heading, Kind, Lines, Page, Panel, Shelf, Traces, Unit
from dashboards.traceql import carrying
from dashboards.ways import CAUSE, EVENT, MESSAGE_ID, QUEUE_ID, REPLY, TRACE_ID, WHEN, to
from mail_telemetry.names import Attribute, LogLine, Service

_ID: Final = "id"
_TRACE: Final = "trace"
_OPEN_TRACE: Final = to(Board.TRAIL, "Show this trace", id=f"${{{_ID}}}", trace="${__value.raw}")
_STATUS: Final = Column(known(Attribute.STATUS), "Status", width=80)
_RECIPIENT: Final = Column(known(Attribute.RECIPIENT), "Recipient", width=150)
_SHOWN_TRACE: Final = Column(TRACE_ID.name, TRACE_ID.head, width=130, link=_OPEN_TRACE)

_HELP: Final = Panel(
    Kind.TEXT,
    "How to search",
    "What to enter in the field at the top.",
    text=(
        "Enter a **message id** (`msg_…`, from the API response), a **queue id** (from `mailq` or a bounce) or a "
        "**trace id** in the field at the top, or choose a mail from the last table. A click on an id in any table "
        "searches for that id. A mail that was not received by the API has no message id.\n\n"
        "On the server, without Grafana: `docker exec mail-exporter mail-exporter explain ID`."
    ),
)
_STORY: Final = Panel(
    Kind.TABLE,
    "Mail events",
    "Log lines of the mail: request, attempts, outcome; newest first. Good: accepted, one attempt, `sent`. No line: "
    "the id is wrong, or older than the time range. With an empty field, the newest lines of all mails.",
    (Lines(lines(Service.API, Service.EXPORTER, contain=LogLine, having=typed(_ID)), most=200),),
    unit=Unit.TEXT,
    idle="No log line with this id in this time range",
    columns=(WHEN, EVENT, _STATUS, CAUSE, REPLY, MESSAGE_ID, QUEUE_ID, _SHOWN_TRACE),
)
_ATTEMPTS: Final = Panel(
    Kind.TABLE,
    "Delivery attempts",
    "One row for each recipient and attempt. Good: one, `sent`. `deferred` is retried automatically; the cause and "
    "the relay's reply show the reason. The trace shows the time of each stage.",
    (Lines(lines(Service.EXPORTER, contain=[LogLine.ATTEMPT], having=typed(_ID)), most=200),),
    unit=Unit.TEXT,
    idle="No delivery attempt with this id in this time range",
    columns=(
        WHEN,
        Column(known(Attribute.ATTEMPT_NUMBER), "Attempt", width=75),
        _STATUS,
        _RECIPIENT,
        CAUSE,
        Column(known(Attribute.SERVER_ADDRESS), "Relay", width=150),
        REPLY,
    ),
)
_TRACES: Final = Panel(
    Kind.TABLE,
    "Traces",
    "Traces with a span that has this id; a bounce has its own trace. Click on a trace to open it.",
    (Traces(carrying(_ID)),),
    unit=Unit.TEXT,
    idle="No trace with this id: it is wrong, not sampled, or no longer stored",
)
_WATERFALL: Final = Panel(
    Kind.TRACES,
    "Trace",
    "All spans from the HTTP request to the relay's reply; spans named `postfix wait` are the time between retries. "
    "Choose a trace in the column Trace of the mail events.",
    (Traces(f"${{{_TRACE}}}"),),
    unit=Unit.TEXT,
    idle="Click on a trace id in the mail events",
)
_POSTFIX: Final = Panel(
    Kind.LOGS,
    "Postfix log",
    "Lines of `docker logs mail-server` with this id, with masked addresses. They contain queue ids only: click on a "
    "queue id above first.",
    (Lines(raw_lines(Service.SERVER, typed(_ID)), most=200),),
    idle="No Postfix log line with this id: search for a queue id",
)
_SERVICES: Final = Panel(
    Kind.LOGS,
    "API and exporter log",
    "All log lines of API and exporter with this id: warnings, retries, rejections.",
    (Lines(raw_lines(Service.API, typed(_ID), Service.EXPORTER), most=200),),
    idle="No log line with this id in this time range",
)
_NEWEST: Final = Panel(
    Kind.TABLE,
    "Newest mails",
    "Mails that left the queue. Good: `sent`. A click on an id shows the events of the mail.",
    (Lines(lines(Service.EXPORTER, contain=[LogLine.FINISH]), most=50),),
    unit=Unit.TEXT,
    idle="No mail left the queue in this time range",
    columns=(
        WHEN,
        Column(known(Attribute.OUTCOME), "Outcome", width=90),
        Column(known(Attribute.ENTRY), "Entry", width=90),
        Column(known(Attribute.ATTEMPTS), "Attempts", width=80),
        Column(known(Attribute.DURATION), "Seconds", width=80),
        MESSAGE_ID,
        QUEUE_ID,
        _SHOWN_TRACE,
    ),
)
_CAUSES: Final = Panel(
    Kind.SERIES,
    "Failed attempts by cause",
    "Failed delivery attempts of all mails, counted from the log. Good: none. The numbers match the mail server "
    "dashboard if Loki receives every line.",
    (Counted(attempts_by_cause(), f"{{{{{known(Attribute.CAUSE)}}}}}"),),
    idle="No attempt failed in this time range",
    bars=True,
    decimals=0,
)

PAGE: Final = Page(
    Board.TRAIL,
    "Message trail",
    "Log lines, delivery attempts and trace of one mail, by message, queue or trace id.",
    (
        Shelf(4, ((24, _HELP),)),
        Shelf(9, ((24, _STORY),)),
        Shelf(7, ((24, _ATTEMPTS),)),
        Shelf(14, ((8, _TRACES), (16, _WATERFALL))),
        Shelf(8, ((12, _POSTFIX), (12, _SERVICES))),
        Heading("Recent mails"),
        Shelf(9, ((18, _NEWEST), (6, _CAUSES))),
    ),
    typed={
        _ID: ("Message, queue or trace id", "From the API response, from mailq, or from a trace"),
        _TRACE: ("Trace shown", "Set by a click on a trace id"),
    },
)
