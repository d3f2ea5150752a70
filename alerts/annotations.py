"""Annotations of an alert: summary, description with likely cause and next step, links to runbook and dashboard."""

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from alerts.model import Advice, Alert, CauseFrom
from dashboards.recording_rules import EXPLANATION, recorded
from mail_telemetry.causes import EXPLANATIONS, Cause

LINKS_FILE: Final = Path(__file__).with_name("links.toml")


def _row(cause: str) -> str:
    """Return a template that finds the row of a cause in the series EXPLANATION when the alert fires."""
    return (
        f'Likely cause: {{{{ with printf "{EXPLANATION}{{cause=%q}}" {cause} | query }}}}{{{{ with . | first }}}}'
        "{{ .Labels.meaning }} Next step: {{ .Labels.next_step }}{{ end }}{{ end }}"
    )


_BY_LABEL: Final = _row("$labels.cause")
_BY_FAILURES: Final = (
    f'{{{{ with query "topk(1, {recorded("cause:postfix_relay_failures:increase1h")} > 0)" }}}}'
    f"{{{{ with . | first }}}}{{{{ $cause := .Labels.cause }}}}{_row('$cause')}{{{{ end }}}}"
    "{{ else }}Likely cause: not the relay, which rejected no mail in the last hour. "
    "Next step: read the log as described in the runbook.{{ end }}"
)


class Links(NamedTuple):
    """Base addresses of links in notifications, without a slash at the end."""

    runbooks: str
    grafana: str


def read_links(path: Path = LINKS_FILE) -> Links:
    """Return the links of the file.

    Raises:
        KeyError: one is missing.
    """
    found = tomllib.loads(path.read_text())
    return Links(found["runbooks"].rstrip("/"), found["grafana"].rstrip("/"))


def annotations(alert: Alert, links: Links) -> dict[str, str]:
    """Return the annotations of the alert."""
    return {
        "summary": alert.summary,
        "description": f"{alert.description} {advice(alert.advice)}",
        "runbook_url": f"{links.runbooks}/{alert.name}.md",
        "dashboard_url": f"{links.grafana}/d/{alert.board}",
    }


def advice(source: Advice | Cause | CauseFrom) -> str:
    """Return likely cause and next step as text, or as a template that finds them."""
    if source is CauseFrom.LABEL:
        return _BY_LABEL
    if source is CauseFrom.FAILURES:
        return _BY_FAILURES
    if isinstance(source, Cause):
        known = EXPLANATIONS[source]
        return f"Likely cause: {known.meaning} Next step: {known.next_step}"
    return f"Likely cause: {source.cause} Next step: {source.next_step}"
