"""Title, text and HTML of a notification, as Alertmanager templates.

They are part of the configuration itself: a template file would have to be mounted into each Alertmanager.
"""

from typing import Final

from alerts.model import Severity

_SEVERITIES: Final = f'stringSlice "{Severity.CRITICAL}" "{Severity.WARNING}" "{Severity.INFO}"'
"""All severities that are sent, the most severe first."""

_PICK: Final = (
    "{{ $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts.Resolved }}{{ end }}"
    '{{ $worst := "" }}{{ range $severity := ' + _SEVERITIES + " }}{{ range $alerts }}"
    "{{ if and (not $worst) (eq .Labels.severity $severity) }}{{ $worst = . }}{{ end }}{{ end }}{{ end }}"
    "{{ if not $worst }}{{ $worst = index $alerts 0 }}{{ end }}"
)
"""Sets $alerts (the firing ones; if there are none, the resolved ones) and $worst, the first of the most severe."""


def _lasted(alert: str = "") -> str:
    """Return a template for how long an alert lasted: "less than 1 min", "12 min", "3 h"."""
    return (
        f"{{{{ with {alert}.EndsAt.Sub {alert}.StartsAt }}}}"
        "{{ if lt .Minutes 1.0 }}less than 1 min"
        '{{ else if lt .Minutes 120.0 }}{{ printf "%.0f" .Minutes }} min'
        '{{ else }}{{ printf "%.0f" .Hours }} h{{ end }}'
        "{{ else }}less than 1 min{{ end }}"
    )


TITLE: Final = (
    _PICK + 'Mail {{ if eq .Status "resolved" }}resolved after ' + _lasted("$worst") + "{{ else }}"
    "{{ $worst.Labels.severity }}{{ end }}: "
    '{{ reReplaceAll "^The " "the " $worst.Annotations.summary }}'
    "{{ $more := len (slice $alerts 1) }}{{ $over := 0 }}"
    '{{ if ne .Status "resolved" }}{{ $over = len .Alerts.Resolved }}{{ end }}'
    "{{ if and $more $over }} (+{{ $more }}, {{ $over }} resolved){{ else if $more }} (+{{ $more }})"
    "{{ else if $over }} ({{ $over }} resolved){{ end }}"
)
"""The summary of the most severe alert and how many more: "Mail critical: the relay refuses our login (+2)"."""

DASHBOARD: Final = _PICK + "{{ $worst.Annotations.dashboard_url }}"
"""The dashboard of the alert that the title is about."""

_SEVERAL: Final = "{{ $several := gt (len .Alerts) 1 }}"
"""With one alert, its heading would repeat the title."""

TEXT: Final = (
    _SEVERAL + "{{ $firing := .Alerts.Firing }}"
    "{{ range $severity := " + _SEVERITIES + " }}{{ range $firing }}{{ if eq .Labels.severity $severity }}"
    "{{ if $several }}{{ $severity | toUpper }}: {{ .Annotations.summary }}\n{{ end }}"
    "{{ .Annotations.description }}\n"
    "Runbook: {{ .Annotations.runbook_url }}\nDashboard: {{ .Annotations.dashboard_url }}\n\n"
    "{{ end }}{{ end }}{{ end }}"
    "{{ range .Alerts.Resolved }}"
    "{{ if $several }}Resolved after " + _lasted() + ": {{ .Annotations.summary }}\n{{ end }}"
    "Runbook: {{ .Annotations.runbook_url }}\nDashboard: {{ .Annotations.dashboard_url }}\n\n{{ end }}"
)
"""Each alert with its links, the most severe first; the description only while it is true."""

MESSAGE: Final = TITLE + "\n\n" + TEXT
"""Title and text, where a message has no title of its own."""

_LINKS: Final = (
    '<p><a href="{{ .Annotations.runbook_url }}">Runbook</a> | '
    '<a href="{{ .Annotations.dashboard_url }}">Dashboard</a></p>\n'
)

HTML: Final = (
    "<!DOCTYPE html>\n<html>\n<body>\n<h2>" + TITLE + "</h2>\n" + _SEVERAL + "{{ $firing := .Alerts.Firing }}"
    "{{ range $severity := " + _SEVERITIES + " }}{{ range $firing }}{{ if eq .Labels.severity $severity }}"
    "{{ if $several }}<h3>{{ $severity | toUpper }}: {{ .Annotations.summary }}</h3>\n{{ end }}"
    "<p>{{ .Annotations.description }}</p>\n" + _LINKS + "{{ end }}{{ end }}{{ end }}"
    "{{ range .Alerts.Resolved }}"
    "{{ if $several }}<h3>Resolved after "
    + _lasted()
    + ": {{ .Annotations.summary }}</h3>\n{{ end }}"
    + _LINKS
    + "{{ end }}</body>\n</html>\n"
)
"""The e-mail's HTML part; Alertmanager escapes what it fills in."""
