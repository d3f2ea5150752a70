"""What can be wrong with the API: it does not answer, it cannot send, it refuses what it took yesterday."""

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
    description="Prometheus has not reached mail-api for 2 minutes: websites cannot send.",
    advice=Advice(
        "the container stopped, or a setting is wrong and it ends at its start.",
        "`docker ps -a --filter name=mail-api` and `docker logs --tail 20 mail-api`.",
    ),
    board=Board.API,
    reason="Two minutes: a new version is up in less. Absent counts as down, for Docker's discovery forgets "
    "containers that stopped.",
)

FAILING: Final = Alert(
    name="MailApiFailing",
    severity=Severity.WARNING,
    expr=f'sum by (result) (increase(mail_api_messages_total{{job="mail-api",result=~"{_OURS}"}}[15m])) > 0',
    summary="The mail API could not send for reasons on our side: {{ $labels.result }}",
    description="Requests to send that ended as {{ $labels.result }} in the last 15 minutes: "
    '{{ $value | printf "%.0f" }}. '
    "Their senders were told that it did not work.",
    advice=Advice(
        "mail-server is down or busy, or the API has a defect (internal_error).",
        "`docker logs --since 20m mail-api`: each failed request has a line with its reason.",
    ),
    board=Board.API,
    reason="One is enough: at ten mails a day it is a tenth of them. Refusals that are the caller's fault are not "
    "counted.",
    silenced_by=("MailApiDown", "MailServerDown"),
)

REFUSES_EVERYTHING: Final = Alert(
    name="MailApiRefusesEverything",
    severity=Severity.WARNING,
    expr=f"""sum by (job) (increase(mail_api_messages_total{{job="mail-api",result=~"{_NOT_TAKEN}"}}[1d])) >= 5
unless sum by (job) (increase(mail_api_messages_total{{job="mail-api",result="accepted"}}[1d])) > 0
unless sum by (job) (increase(mail_api_messages_total{{job="mail-api",result="accepted"}}[7d])) == 0""",
    hold="10m",
    summary="The mail API has refused every request for a day",
    description='{{ $value | printf "%.0f" }} requests were refused in 24 hours and none was accepted, unlike in the '
    "days before.",
    advice=Advice(
        "a website changed its origin, recipient or form, or a setting here did: "
        '{{ range query "topk(3, result:mail_api_messages:increase1d{result!=\\"accepted\\"} > 0)" }}'
        '{{ .Labels.result }} ({{ .Value | printf "%.0f" }}) {{ end }}.',
        "`docker logs --since 24h mail-api` names the field or variable of each refusal.",
    ),
    board=Board.API,
    reason="Five, so that a few probing robots do not count; a day without one success, after a week that had some, "
    "is no quiet day.",
    silenced_by=("MailApiDown",),
)

LEDGER: Final = Alert(
    name="MailApiLedgerFailing",
    severity=Severity.WARNING,
    expr='sum by (operation) (increase(mail_api_ledger_faults_total{job="mail-api"}[15m])) > 0',
    summary="The mail API cannot use the ledger: {{ $labels.operation }}",
    description='Failures of the ledger at {{ $labels.operation }} in 15 minutes: {{ $value | printf "%.0f" }}. '
    "Idempotency, keys and quota may not hold meanwhile.",
    advice=Advice(
        "its volume is full or read-only, or the database of LEDGER_URL is away.",
        "`docker logs --since 20m mail-api` has the database's words; "
        "`docker exec mail-api df -h /var/lib/mail-ledger`.",
    ),
    board=Board.TELEMETRY,
    reason="One is enough: the ledger waits for locks by itself before it counts a failure.",
    silenced_by=("MailApiDown", "MailVolumeFull"),
)

GROUP: Final = Group(Component.API, "The HTTP API", (DOWN, FAILING, REFUSES_EVERYTHING, LEDGER))
