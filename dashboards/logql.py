"""LogQL over the containers' log lines. Promtail gives them one label, the container; all else is in the JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from mail_telemetry.names import Attribute, LogLine, Service

RANGE: Final = "$__range"
"""The time that the dashboard shows."""
TRACE: Final = "trace_id"
"""The field of the log that names the trace; also the label of exemplars."""
_PLAIN_FIELDS: Final = frozenset({"time", "level", "service", "message", "reason", TRACE})


def label(name: str) -> str:
    """Return what Loki's `json` makes of a field's name: `mail.queue_id` becomes `mail_queue_id`."""
    return re.sub(r"\W", "_", name)


def quoted(text: str) -> str:
    """Return the text as LogQL writes it: between double quotes, with those in it escaped."""
    return json.dumps(text, ensure_ascii=False)


def typed(variable: str) -> str:
    """Return a dashboard's text variable as a quoted string; Grafana escapes quotes in its value."""
    return f"${{{variable}:doublequote}}"


def stream(*services: Service) -> str:
    """Return the selector of the services' containers."""
    names = "|".join(service.value for service in services)
    return f'{{container=~"{names}"}}' if len(services) > 1 else f'{{container="{names}"}}'


def lines(
    *services: Service,
    contain: Iterable[LogLine] = (),
    having: str = "",
    where: Mapping[str, str] | None = None,
) -> str:
    """Return a query of JSON lines.

    Args:
        services: whose lines.
        contain: the messages of which one has to be in the line.
        having: a quoted text that has to be in it, as `typed` makes it.
        where: fields after parsing, each with the regular expression for its whole value; `!` in front: not.

    Raises:
        KeyError: no service writes such a field.
    """
    query = stream(*services)
    if messages := "|".join(contain):
        query += f" |~ {quoted(messages)}"
    if having:
        query += f" |= {having}"
    query += ' | json | __error__=""'
    for field, pattern in (where or {}).items():
        operator = "!~" if pattern.startswith("!") else "=~"
        query += f" | {known(field)}{operator}{quoted(pattern.removeprefix('!'))}"
    return query


def chosen(query: str, variable: str) -> str:
    """Return the query with nothing in its result while a dashboard's text variable is empty."""
    return f'{query} | label_format chosen={typed(variable)} | chosen!=""'


def raw_lines(service: Service, having: str) -> str:
    """Return a query of lines as they are that have a quoted text in them."""
    return f"{stream(service)} |= {having}"


def readable(query: str, *fields: str) -> str:
    """Return the query of JSON lines with each line as the values of these fields, as far as it has them."""
    parts = " ".join(f"{{{{ .{known(field)} }}}}" for field in fields)
    return f"{query} | line_format `{parts}`"


def count(query: str, *by: str) -> str:
    """Return the number of lines in the time that the dashboard shows, by fields."""
    return f"sum by ({', '.join(by)}) (count_over_time({query} [{RANGE}]))"


def latest(query: str, *by: str) -> str:
    """Return the time of the newest line (ms), by fields."""
    timed = f"{query} | label_format seen=`{{{{ __timestamp__ | unixEpochMillis }}}}` | unwrap seen"
    return f"max by ({', '.join(by)}) (max_over_time({timed} [{RANGE}]))"


def ranked(query: str, field: str, ranks: Mapping[str, int], *by: str) -> str:
    """Return the highest rank that a field's values have, by other fields."""
    name = known(field)
    cases = "".join(f'{{{{ if eq .{name} "{value}" }}}}{rank}{{{{ end }}}}' for value, rank in ranks.items())
    return f"max by ({', '.join(by)}) (max_over_time({query} | label_format rank=`{cases}` | unwrap rank [{RANGE}]))"


def row_if_empty(query: str, field: str, text: str) -> str:
    """Return one row with a text in the field where the query has no line in the time that the dashboard shows."""
    row = f'label_replace(vector(0), {quoted(field)}, {quoted(text)}, "", "")'
    return f"{row} unless on () sum(count_over_time({query} [{RANGE}]))"


def first_of(query: str, name: str, *fields: str) -> str:
    """Return the query with a label more: the first of these fields that is not empty."""
    listed = " ".join(f".{known(field)}" for field in fields)
    return f"{query} | label_format {name}=`{{{{ or {listed} }}}}`"


def only_with(query: str, field: str, other: str) -> str:
    """Return the query with a field emptied in the lines that do not have the other one."""
    return f"{query} | label_format {known(field)}=`{{{{ if .{known(other)} }}}}{{{{ .{known(field)} }}}}{{{{ end }}}}`"


def lines_of_postfix(severities: str) -> str:
    """Return a query of Postfix's own lines of these severities: `smtpd[81]: warning: ...`."""
    pattern = rf"\]: ({severities}): "
    return f"{stream(Service.SERVER)} |~ {quoted(pattern)}"


def attempts_by_cause() -> str:
    """Return how many attempts failed, by cause, in each of Grafana's steps."""
    cause = label(Attribute.CAUSE)
    failed = f'{lines(Service.EXPORTER, contain=[LogLine.ATTEMPT])} | {cause}!=""'
    return f"sum by ({cause}) (count_over_time({failed} [$__auto]))"


def known(field: str) -> str:
    """Return the label of a field that the services write.

    Raises:
        KeyError: they don't.
    """
    if field not in _PLAIN_FIELDS and field not in {*Attribute}:
        raise KeyError(field)
    return label(field)
