"""LogQL queries: escaping, filters and stages."""

import pytest

from dashboards import logql
from dashboards.logql import label, lines, quoted, raw_lines, typed
from mail_telemetry.names import Attribute, LogLine, Service


def test_quotes_and_backslashes_are_escaped() -> None:
    """Quotes and backslashes in a text are escaped."""
    assert quoted('said "no" \\ then') == '"said \\"no\\" \\\\ then"'


def test_lines() -> None:
    """The cheap filters come first: stream, message, typed text, fields."""
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
    """A query for raw lines has no parser."""
    assert raw_lines(Service.SERVER, typed("id")) == '{container="mail-server"} |= ${id:doublequote}'


def test_unknown_field() -> None:
    """A field that no service logs raises KeyError."""
    with pytest.raises(KeyError):
        lines(Service.API, where={"mail.colour": "red"})


def test_label() -> None:
    """Loki's `json` replaces the dots of a field's name by underscores."""
    assert label(Attribute.STAGE_SECONDS) == "mail_stage_seconds"


LINES = '{container="mail-api"}'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            logql.chosen(LINES, "id"),
            f'{LINES} | label_format chosen=${{id:doublequote}} | chosen!=""',
            id="typed text, no result without one",
        ),
        pytest.param(
            logql.readable(LINES, "level", Attribute.CAUSE),
            f"{LINES} | line_format `{{{{ .level }}}} {{{{ .mail_cause }}}}`",
            id="line format",
        ),
        pytest.param(
            logql.count(LINES, "level", "message"),
            f"sum by (level, message) (count_over_time({LINES} [$__range]))",
            id="count",
        ),
        pytest.param(
            logql.latest(LINES, "level"),
            f"max by (level) (max_over_time({LINES} | label_format seen=`{{{{ __timestamp__ | unixEpochMillis }}}}`"
            " | unwrap seen [$__range]))",
            id="time of the last line",
        ),
        pytest.param(
            logql.ranked(LINES, Attribute.OUTCOME, {"sent": 1, "bounced": 2}, "mail_queue_id"),
            f'max by (mail_queue_id) (max_over_time({LINES} | label_format rank=`{{{{ if eq .mail_outcome "sent" }}}}1'
            '{{ end }}{{ if eq .mail_outcome "bounced" }}2{{ end }}` | unwrap rank [$__range]))',
            id="highest rank",
        ),
        pytest.param(
            logql.row_if_empty(LINES, "message", "none"),
            'label_replace(vector(0), "message", "none", "", "") unless on () '
            f"sum(count_over_time({LINES} [$__range]))",
            id="row if empty",
        ),
        pytest.param(
            logql.first_of(LINES, "cause", Attribute.CAUSE, Attribute.RESULT),
            f"{LINES} | label_format cause=`{{{{ or .mail_cause .mail_result }}}}`",
            id="first field with a value",
        ),
        pytest.param(
            logql.only_with(LINES, "trace_id", Attribute.QUEUE_ID),
            f"{LINES} | label_format trace_id=`{{{{ if .mail_queue_id }}}}{{{{ .trace_id }}}}{{{{ end }}}}`",
            id="field only with another one",
        ),
    ],
)
def test_stages(query: str, expected: str) -> None:
    """Each stage is written as Loki expects it; templates are in backticks, so quotes in them need no escape."""
    assert query == expected
