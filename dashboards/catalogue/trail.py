"""Message trail: one id, and everything that is known of that mail."""

from typing import Final

from dashboards.boards import Board
from dashboards.logql import attempts_by_cause, known, lines, raw_lines, typed
from dashboards.model import Column, Counted, Heading, Kind, Lines, Page, Panel, Shelf, Traces, Unit
from dashboards.traceql import carrying
from dashboards.ways import CAUSE, EVENT, MESSAGE_ID, QUEUE_ID, REPLY, TRACE_ID, WHEN, to
from mail_telemetry.names import Attribute, LogLine, Service

_ID: Final = "id"
_TRACE: Final = "trace"
_OPEN_TRACE: Final = to(Board.TRAIL, "Show this trace below", id=f"${{{_ID}}}", trace="${__value.raw}")
_STATUS: Final = Column(known(Attribute.STATUS), "Status", width=80)
_RECIPIENT: Final = Column(known(Attribute.RECIPIENT), "Recipient", width=150)
_SHOWN_TRACE: Final = Column(TRACE_ID.name, TRACE_ID.head, width=130, link=_OPEN_TRACE)

_HELP: Final = Panel(
    Kind.TEXT,
    "How to look",
    "What can be typed into the field at the top.",
    text=(
        "Type a **message id** (`msg_…`, from the API's answer), a **queue id** (from `mailq` or a bounce) or a "
        "**trace id** into the field at the top; or pick a mail from the last table. A click on an id in any table "
        "goes on with it. A mail that came in otherwise than by the API has no message id.\n\n"
        "On the server itself, without Grafana: `docker exec mail-exporter mail-exporter explain ID`."
    ),
)
_STORY: Final = Panel(
    Kind.TABLE,
    "Its story: request, attempts, end",
    "The lines that tell of the mail, newest first. Good: accepted, one attempt, `sent`. Nothing here: the id is "
    "mistyped, or older than the time above. With an empty field: the newest of all.",
    (Lines(lines(Service.API, Service.EXPORTER, contain=LogLine, having=typed(_ID)), most=200),),
    unit=Unit.TEXT,
    idle="No line has this id in this time",
    columns=(WHEN, EVENT, _STATUS, CAUSE, REPLY, MESSAGE_ID, QUEUE_ID, _SHOWN_TRACE),
)
_ATTEMPTS: Final = Panel(
    Kind.TABLE,
    "Its attempts",
    "One row for each recipient and try. Good: one, `sent`. `deferred` goes on by itself; the cause and the relay's "
    "words say why. How long each stage took stands in the trace.",
    (Lines(lines(Service.EXPORTER, contain=[LogLine.ATTEMPT], having=typed(_ID)), most=200),),
    unit=Unit.TEXT,
    idle="No attempt with this id in this time",
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
    "Its traces (Tempo)",
    "Traces that have a span with this id; a bounce has one of its own. Click on one to open it.",
    (Traces(carrying(_ID)),),
    unit=Unit.TEXT,
    idle="No trace has this id: it is mistyped, not sampled, or no longer kept",
)
_WATERFALL: Final = Panel(
    Kind.TRACES,
    "Its trace",
    "The whole way, from the HTTP request to the relay's answer; bars of `postfix wait` are retries. Choose one in the "
    "column Trace of the story.",
    (Traces(f"${{{_TRACE}}}"),),
    unit=Unit.TEXT,
    idle="Click on a trace id in the story above",
)
_POSTFIX: Final = Panel(
    Kind.LOGS,
    "Postfix's own lines with this id",
    "From `docker logs mail-server`, addresses masked: they know queue ids only, so click on one above first.",
    (Lines(raw_lines(Service.SERVER, typed(_ID)), most=200),),
    idle="No line of Postfix has this id: only queue ids stand there",
)
_SERVICES: Final = Panel(
    Kind.LOGS,
    "All other lines with this id",
    "What API and exporter wrote besides, as it is: warnings, retries, refusals.",
    (Lines(raw_lines(Service.API, typed(_ID), Service.EXPORTER), most=200),),
    idle="No line has this id in this time",
)
_NEWEST: Final = Panel(
    Kind.TABLE,
    "The newest mails, to pick one",
    "Mails that left the queue. Good: `sent`. A click on an id shows its story.",
    (Lines(lines(Service.EXPORTER, contain=[LogLine.FINISH]), most=50),),
    unit=Unit.TEXT,
    idle="No mail left the queue in this time",
    columns=(
        WHEN,
        Column(known(Attribute.OUTCOME), "Outcome", width=90),
        Column(known(Attribute.ENTRY), "Came in", width=90),
        Column(known(Attribute.ATTEMPTS), "Attempts", width=80),
        Column(known(Attribute.DURATION), "Seconds", width=80),
        MESSAGE_ID,
        QUEUE_ID,
        _SHOWN_TRACE,
    ),
)
_CAUSES: Final = Panel(
    Kind.SERIES,
    "Failed attempts by cause, by the log",
    "Of all mails. Good: none. It agrees with the mail server's dashboard, as long as Loki gets every line.",
    (Counted(attempts_by_cause(), f"{{{{{known(Attribute.CAUSE)}}}}}"),),
    idle="No attempt failed in this time",
    bars=True,
    decimals=0,
)

PAGE: Final = Page(
    Board.TRAIL,
    "Message trail",
    "Everything that is known of one mail, by its message, queue or trace id: log lines, attempts, trace.",
    (
        Shelf(4, ((24, _HELP),)),
        Shelf(9, ((24, _STORY),)),
        Shelf(7, ((24, _ATTEMPTS),)),
        Shelf(14, ((8, _TRACES), (16, _WATERFALL))),
        Shelf(8, ((12, _POSTFIX), (12, _SERVICES))),
        Heading("Which mail?"),
        Shelf(9, ((18, _NEWEST), (6, _CAUSES))),
    ),
    typed={
        _ID: ("Message, queue or trace id", "From the API's answer, from mailq, or from a trace"),
        _TRACE: ("Trace shown", "Filled by a click on a trace id"),
    },
)
