"""Alerts about the API: down, failed requests, all requests rejected, ledger errors."""

from typing import Final

from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board
from mail_api.errors import ANSWERS, INTERNAL, Code

_ANSWERS: Final = (*ANSWERS.values(), INTERNAL)
# Of an unknown outcome the caller is told 202, so that no client repeats it.
_OURS: Final = "|".join(sorted({Code.OUTCOME_UNKNOWN, *(one.code for one in _ANSWERS if one.status >= 500)}))  # noqa: PLR2004 - 5xx
_CALLERS: Final = (
    *(Code.INVALID_REQUEST, Code.REQUEST_TOO_LARGE, Code.KEY_INVALID),
    *(Code.ORIGIN_NOT_ALLOWED, Code.RECIPIENT_NOT_ALLOWED, Code.SENDER_NOT_ALLOWED),
)
_NOT_TAKEN: Final = "|".join(_CALLERS)

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
    name="MailApiFailing",
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
    reason="One failed request: at ten mails a day it is 10 %. Rejections caused by the caller are not counted.",
    silenced_by=("MailApiDown", "MailServerDown"),
)

REFUSES_EVERYTHING: Final = Alert(
    name="MailApiRefusesEverything",
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

GROUP: Final = Group(Component.API, "The HTTP API", (DOWN, FAILING, REFUSES_EVERYTHING, LEDGER))
