"""Alerts about the API: down, failed requests, all requests rejected, ledger errors."""

from typing import Final

from alerts import request_results as results
from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board

_OURS: Final = results.results_of(results.FAILING)
_NOT_TAKEN: Final = results.results_of(results.REFUSES_EVERYTHING)


def _refused(name: str, window: str) -> str:
    """Return how many requests ended with a result of that alert in the window."""
    return f'increase(mail_api_messages_total{{job="mail-api",result=~"{results.results_of(name)}"}}[{window}])'


def _number(name: str) -> str:
    """Return the template of how many requests ended with a result of that alert in the last hour."""
    query = f"sum({_refused(name, '1h')})".replace('"', '\\"')
    return f'{{{{ with query "{query}" }}}}{{{{ . | first | value | printf "%.0f" }}}}{{{{ end }}}}'


DOWN: Final = Alert(
    name="MailApiDown",
    severity=Severity.CRITICAL,
    expr='(max by (job) (up{job="mail-api"}) or absent(up{job="mail-api"}) - 1) == 0',
    hold="2m",
    summary="The mail API does not answer",
    description="Prometheus could not scrape mail-api for 2 minutes. Websites cannot send.",
    advice=Advice(
        "the container stopped, or it exits at the start because of a wrong setting.",
        "`docker ps -a --filter name=mail-api` and `docker logs --tail 20 mail-api`.",
    ),
    board=Board.API,
    reason="2 minutes: an update takes less. A missing target counts as down, because Docker's service discovery "
    "drops containers that stopped.",
)

FAILING: Final = Alert(
    name=results.FAILING,
    severity=Severity.WARNING,
    expr=f'sum by (result) (increase(mail_api_messages_total{{job="mail-api",result=~"{_OURS}"}}[15m])) > 0',
    summary="The mail API fails with server errors: {{ $labels.result }}",
    description="Send requests with the result {{ $labels.result }} in the last 15 minutes: "
    '{{ $value | printf "%.0f" }}. '
    "The callers received an error or an unknown outcome.",
    advice=Advice(
        "mail-server is down or busy, or the API has a defect (internal_error).",
        "`docker logs --since 20m mail-api` has a line with the reason for each failed request.",
    ),
    board=Board.API,
    reason="One failed request: at ten mails a day it is 10 %. Only these results count; docs/alerts.md lists what "
    "each result raises.",
    silenced_by=("MailApiDown", "MailServerDown"),
)

REFUSES_EVERYTHING: Final = Alert(
    name=results.REFUSES_EVERYTHING,
    severity=Severity.WARNING,
    expr=f"""sum by (job) (increase(mail_api_messages_total{{job="mail-api",result=~"{_NOT_TAKEN}"}}[1d])) >= 5
unless sum by (job) (increase(mail_api_messages_total{{job="mail-api",result="accepted"}}[1d])) > 0
unless sum by (job) (increase(mail_api_messages_total{{job="mail-api",result="accepted"}}[7d])) == 0""",
    hold="10m",
    summary="The mail API has rejected every request for a day",
    description='{{ $value | printf "%.0f" }} requests were rejected in 24 hours and none was accepted; in the days '
    "before, requests were accepted.",
    advice=Advice(
        "the origin, recipient or form of a website changed, or a setting of the API. Most frequent results: "
        '{{ range query "topk(3, result:mail_api_messages:increase1d{result!=\\"accepted\\"} > 0)" }}'
        '{{ .Labels.result }} ({{ .Value | printf "%.0f" }}) {{ end }}.',
        "`docker logs --since 24h mail-api` names the field or variable of each rejection.",
    ),
    board=Board.API,
    reason="5 requests, so that a few bots do not fire it. No accepted request in a day, after a week with accepted "
    "requests.",
    silenced_by=("MailApiDown",),
)

REFUSES_FOR_QUOTA: Final = Alert(
    name=results.REFUSES_FOR_QUOTA,
    severity=Severity.WARNING,
    expr=f"""sum by (result) ({_refused(results.REFUSES_FOR_QUOTA, "15m")}) > 0
unless on () min(min_over_time(mail_quota_room_recipients{{job="mail-exporter"}}[15m])) < 1""",
    hold="2m",
    summary="The mail API refuses requests that exceed the rest of the relay's daily limit",
    description=f"Requests refused as quota_exhausted in the last hour: {_number(results.REFUSES_FOR_QUOTA)}. "
    '{{ with query "max(mail_quota_room_recipients{job=\\"mail-exporter\\"})" }}'
    'Ordinary callers have room for {{ . | first | value | printf "%.0f" }} recipients; each refused request has more. '
    "{{ else }}How much room is left is unknown: there is no data from the exporter. {{ end }}"
    "Each answer has the time from which the request can succeed.",
    advice=Advice(
        "a mail to many recipients while little of the limit is left.",
        "send to fewer at once, mark the API key as important, or wait for the rolling 24 hours to move on.",
    ),
    board=Board.QUOTA,
    reason="One refused request. Two minutes, after which it is known whether there is no room at all: then "
    "MailQuotaNoRoom fires instead.",
    silenced_by=("MailApiDown", "MailQuotaExhausted"),
)

KEY_AT_LIMIT: Final = Alert(
    name=results.KEY_AT_LIMIT,
    severity=Severity.WARNING,
    expr=f"""(
  max by (key) (mail_key_room_recipients{{job="mail-exporter"}}) < 1
  and on () sum({_refused(results.KEY_AT_LIMIT, "1d")}) > 0
)
or on () sum({_refused(results.KEY_AT_LIMIT, "15m")}) > 0""",
    hold="2m",
    summary="{{ if $labels.key }}API key {{ $labels.key }} has reached its daily limit{{ else }}"
    "Requests exceed the daily limit of their API key{{ end }}",
    description=f"Requests refused as key_limit_reached in the last hour: {_number(results.KEY_AT_LIMIT)}. "
    "{{ if $labels.key }}API key {{ $labels.key }} has sent to as many recipients as it may in 24 hours"
    "{{ with "
    'printf "max(mail_key_reopens_timestamp_seconds{job=\\"mail-exporter\\",key=%q}) > 0" $labels.key | query }}'
    "; it can send again at {{ . | first | value | humanizeTimestamp }}{{ end }}.{{ else }}"
    "No API key is known to be at its limit: these requests have more recipients than their key has left. Each answer "
    "has the time from which the request can succeed.{{ end }}",
    advice=Advice(
        "the site sends more than its API key allows, or a bot uses its form.",
        "`docker exec mail-api mail-ledger api-key list`; if the mail is wanted, make a key with a higher limit.",
    ),
    board=Board.QUOTA,
    reason="One refused request in a day, and then for as long as the key has no room. Two minutes: the exporter has "
    "read the key's room by then.",
    silenced_by=("MailApiDown",),
)

OVERLOADED: Final = Alert(
    name=results.OVERLOADED,
    severity=Severity.WARNING,
    expr=f"sum by (result) ({_refused(results.OVERLOADED, '15m')}) > 0",
    summary="The mail API refuses requests: too many at once",
    description='Requests refused as too_many_requests in 15 minutes: {{ $value | printf "%.0f" }}. The API '
    "answers 503 with `Retry-After: 5` until requests in progress end.",
    advice=Advice(
        "a bot or a batch job, slow callers, or MAX_CONCURRENT_REQUESTS is too low for this traffic.",
        "`docker logs --since 20m mail-api` has the callers' addresses; lower RATE_LIMIT for a bot, raise "
        "MAX_CONCURRENT_REQUESTS for real traffic.",
    ),
    board=Board.API,
    reason="One is enough: the limit is far above what 500 mails a day need.",
    silenced_by=("MailApiDown",),
)

LEDGER: Final = Alert(
    name="MailApiLedgerFailing",
    severity=Severity.WARNING,
    expr='sum by (operation) (increase(mail_api_ledger_faults_total{job="mail-api"}[15m])) > 0',
    summary="Ledger errors in the mail API: {{ $labels.operation }}",
    description='Failed ledger operations ({{ $labels.operation }}) in 15 minutes: {{ $value | printf "%.0f" }}. '
    "Idempotency, API keys and quota may not be enforced.",
    advice=Advice(
        "the volume of the ledger is full or read-only, or the database of LEDGER_URL is down.",
        "`docker logs --since 20m mail-api` shows the database error; "
        "`docker exec mail-api df -h /var/lib/mail-ledger`.",
    ),
    board=Board.TELEMETRY,
    reason="One error: the ledger retries locks before it counts an error.",
    silenced_by=("MailApiDown", "MailVolumeFull"),
)

GROUP: Final = Group(
    Component.API,
    "The HTTP API",
    (DOWN, FAILING, REFUSES_EVERYTHING, REFUSES_FOR_QUOTA, KEY_AT_LIMIT, OVERLOADED, LEDGER),
)
