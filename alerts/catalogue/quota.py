"""The relay account's daily limit: a forecast, and the end of it."""

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
    " The next one is released at {{ . | first | value | humanizeTimestamp }}.{{ end }}"
)

WILL_RUN_OUT: Final = Alert(
    name="MailQuotaWillRunOut",
    severity=Severity.WARNING,
    expr="""(max(mail_quota_exhaustion_timestamp_seconds{job="mail-exporter"}) > 0) - time() < 6h
unless max(mail_quota_exhausted{job="mail-exporter"}) == 1""",
    hold="15m",
    summary="The relay's daily limit will be used up in {{ $value | humanizeDuration }}",
    description=f"{_NUMBERS}; at the pace of the last hour none is left in {{{{ $value | humanizeDuration }}}}.",
    advice=Cause.QUOTA,
    board=Board.QUOTA,
    reason="Six hours: time to stop a newsletter or a robot. A quarter of an hour of it, for one large mailing ends.",
    silenced_by=("MailQuotaExhausted",),
)

EXHAUSTED: Final = Alert(
    name="MailQuotaExhausted",
    severity=Severity.CRITICAL,
    expr="""max(mail_quota_exhausted{job="mail-exporter"}) > 0
or sum(cause:postfix_queue_deferred_messages:sum{cause="quota"}) > 0""",
    hold="1m",
    summary="The relay's daily limit is used up",
    description=f"{_NUMBERS}. Mails that wait: "
    '{{ with query "sum(cause:postfix_queue_deferred_messages:sum{cause=\\"quota\\"})" }}'
    f'{{{{ . | first | value | printf "%.0f" }}}}{{{{ end }}}}.{_NEXT}',
    advice=Cause.QUOTA,
    board=Board.QUOTA,
    reason="One mail that the relay refused for it, or our own count at the limit: from then on all mail waits.",
    silenced_by=("MailServerDown",),
)

GROUP: Final = Group(Component.QUOTA, "The relay account's daily limit", (WILL_RUN_OUT, EXHAUSTED))
