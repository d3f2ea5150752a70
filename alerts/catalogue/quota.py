"""Alerts about the daily limit of the relay account: forecast and exhaustion."""

from typing import Final

from alerts.model import Alert, Component, Group, Severity
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
    silenced_by=("MailQuotaExhausted",),
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
    f'{{{{ . | first | value | printf "%.0f" }}}}{{{{ end }}}}.{_NEXT}',
    advice=Cause.QUOTA,
    board=Board.QUOTA,
    reason="One mail that the relay deferred by the limit, or the estimate at the limit: from then on all mail waits.",
    silenced_by=("MailServerDown",),
)

GROUP: Final = Group(Component.QUOTA, "The relay account's daily limit", (WILL_RUN_OUT, EXHAUSTED))
