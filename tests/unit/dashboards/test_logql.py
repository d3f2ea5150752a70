"""LogQL and TraceQL: what is text stays text."""

import pytest

from dashboards.logql import label, lines, quoted, raw_lines, typed
from dashboards.traceql import carrying
from mail_telemetry.names import Attribute, LogLine, Service


def test_quotes_and_backslashes_are_escaped() -> None:
    """A text can't end its own quotes."""
    assert quoted('said "no" \\ then') == '"said \\"no\\" \\\\ then"'


def test_lines() -> None:
    """The stream, the messages, the typed text, the fields, in this order: what is cheap comes first."""
    query = lines(
        *(Service.API, Service.EXPORTER),
        contain=[LogLine.ATTEMPT, LogLine.FINISH],
        having=typed("id"),
        where={Attribute.CAUSE: "auth|tls", "level": "!info"},
    )
    assert query == (
        '{container=~"mail-api|mail-exporter"} |~ "delivery attempt ended|mail left the queue" |= ${id:doublequote}'
        ' | json | __error__="" | mail_cause=~"auth|tls" | level!~"info"'
    )


def test_raw_lines() -> None:
    """Lines as they are need no parser."""
    assert raw_lines(Service.SERVER, typed("id")) == '{container="mail-server"} |= ${id:doublequote}'


def test_unknown_field() -> None:
    """A field that nobody writes is a mistake."""
    with pytest.raises(KeyError):
        lines(Service.API, where={"mail.colour": "red"})


def test_label() -> None:
    """Loki's `json` has no dots."""
    assert label(Attribute.STAGE_SECONDS) == "mail_stage_seconds"


def test_traces_by_any_id() -> None:
    """One field takes message, queue and trace ids."""
    assert carrying("id") == (
        "{ span.mail.message_id = ${id:doublequote} || span.mail.queue_id = ${id:doublequote}"
        " || trace:id = ${id:doublequote} }"
    )
