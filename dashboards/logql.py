"""LogQL over the containers' lines as Promtail hands them on: one label, the container; all else is in the JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from mail_telemetry.names import Attribute, LogLine, Service

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
    """Return a dashboard's text variable as a quoted string; Grafana escapes the quotes that somebody types."""
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
        KeyError: nobody writes such a field.
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


def raw_lines(service: Service, having: str, *others: Service) -> str:
    """Return a query of lines as they are that have a quoted text in them."""
    return f"{stream(service, *others)} |= {having}"


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
