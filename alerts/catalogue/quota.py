"""Alerts about the daily limit of the relay account: forecast and exhaustion."""

from typing import Final

from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board
from mail_telemetry.causes import Cause

_NUMBERS: Final = (
    '{{ with query "max(mail_quota_used_recipients{job=\\"mail-exporter\\"})" }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }} of '
    '{{ with query "max(mail_quota_limit_recipients{job=\\"mail-exporter\\"})" }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }} recipients in 24 hours are used'
)
_NEXT: Final = (
    '{{ with query "max(mail_quota_next_release_timestamp_seconds{job=\\"mail-exporter\\"}) > 0" }}'
    " Next release: {{ . | first | value | humanizeTimestamp }}.{{ end }}"
)

_REOPENS: Final = (
    '{{ with query "max(mail_quota_reopens_timestamp_seconds{job=\\"mail-exporter\\"}) > 0" }}'
    " The API accepts mail from them again at {{ . | first | value | humanizeTimestamp }}, if nothing else is sent."
    "{{ end }}"
)
_REFUSED: Final = (
    '{{ with query "sum(increase(mail_api_messages_total{job=\\"mail-api\\",result=\\"quota_exhausted\\"}[1h]))" }}'
    ' Requests refused in the last hour: {{ . | first | value | printf "%.0f" }}.{{ end }}'
)
_KEPT: Final = (
    '{{ with query "max(mail_quota_in_queue_recipients{job=\\"mail-exporter\\"})" }}'
    ', {{ . | first | value | printf "%.0f" }} are in the queue{{ end }}'
    '{{ with query "max(mail_quota_reserve_recipients{job=\\"mail-exporter\\"})" }}'
    ', {{ . | first | value | printf "%.0f" }} of the limit are kept for important API keys{{ end }}'
)

MOSTLY_USED: Final = Alert(
    name="MailQuotaMostlyUsed",
    severity=Severity.WARNING,
    expr="""(
  max(mail_quota_used_recipients{job="mail-exporter"}) + max(mail_quota_in_queue_recipients{job="mail-exporter"})
) / max(mail_quota_limit_recipients{job="mail-exporter"}) >= 0.8""",
    hold="5m",
    summary="{{ $value | humanizePercentage }} of the relay's daily limit is used",
    description=f"{_NUMBERS}{_KEPT}. Mail is still accepted.",
    advice=Advice(
        "more mail than usual: a mailing, a bot, or forwarded mail.",
        "the quota dashboard shows where it came in; stop what can wait.",
    ),
    board=Board.QUOTA,
    reason="80 %, including the mail in the queue: by default, half of the remaining 20 % is reserved for important "
    "API keys. Five minutes, because a value near the threshold can go up and down.",
    silenced_by=("MailQuotaNoRoom", "MailQuotaExhausted"),
)

NO_ROOM: Final = Alert(
    name="MailQuotaNoRoom",
    severity=Severity.CRITICAL,
    expr='max(mail_quota_room_recipients{job="mail-exporter"}) < 1',
    hold="2m",
    summary="The mail API refuses websites: nothing is left for them of the relay's daily limit",
    description=f"Forms and ordinary API keys have no room: {_NUMBERS}{_KEPT}.{_REFUSED}{_REOPENS}",
    advice=Advice(
        "the relay account's daily limit, less the reserve, is used up.",
        "find what used it up on the quota dashboard, and stop it; wait, mark the API key of urgent mail as important, "
        "lower QUOTA_RESERVE, or use an account with a higher limit.",
    ),
    board=Board.QUOTA,
    reason="Without room every website is refused, for hours. Two minutes: MailQuotaExhausted, which includes this "
    "case, fires after one minute.",
    silenced_by=("MailQuotaExhausted",),
)

WILL_RUN_OUT: Final = Alert(
    name="MailQuotaWillRunOut",
    severity=Severity.WARNING,
    expr="""(max(mail_quota_exhaustion_timestamp_seconds{job="mail-exporter"}) > 0) - time() < 6h
unless max(mail_quota_exhausted{job="mail-exporter"}) == 1""",
    hold="15m",
    summary="The daily limit of the relay will be reached in {{ $value | humanizeDuration }}",
    description=f"{_NUMBERS}. At the rate of the last hour, the limit is reached in "
    "{{ $value | humanizeDuration }}.",
    advice=Cause.QUOTA,
    board=Board.QUOTA,
    reason="6 hours leave time to stop a newsletter or a bot. For 15 minutes, because a single large mailing ends by "
    "itself.",
    silenced_by=("MailQuotaNoRoom", "MailQuotaExhausted"),
)

EXHAUSTED: Final = Alert(
    name="MailQuotaExhausted",
    severity=Severity.CRITICAL,
    expr="""max(mail_quota_exhausted{job="mail-exporter"}) > 0
or sum(cause:postfix_queue_deferred_messages:sum{cause="quota"}) > 0""",
    hold="1m",
    summary="The daily limit of the relay is reached",
    description=f"{_NUMBERS}. Mails deferred by the limit: "
    '{{ with query "sum(cause:postfix_queue_deferred_messages:sum{cause=\\"quota\\"})" }}'
    f'{{{{ . | first | value | printf "%.0f" }}}}{{{{ end }}}}.{_NEXT}'
    '{{ with query "max(mail_quota_room_recipients{job=\\"mail-exporter\\"}) < 1" }}'
    f" The API refuses forms and ordinary API keys.{_REFUSED}{_REOPENS}{{{{ end }}}}",
    advice=Cause.QUOTA,
    board=Board.QUOTA,
    reason="One mail that the relay deferred by the limit, or the estimate at the limit: from then on all mail waits.",
    silenced_by=("MailServerDown",),
)

GROUP: Final = Group(
    Component.QUOTA, "The relay account's daily limit", (MOSTLY_USED, WILL_RUN_OUT, NO_ROOM, EXHAUSTED)
)
