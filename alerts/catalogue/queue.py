"""Mail that waits too long or comes back. By age first: at ten mails a day a count says little."""

from typing import Final

from alerts.catalogue.relay import NAMES as RELAY_ALERTS
from alerts.model import Advice, Alert, CauseFrom, Component, Group, Severity
from dashboards.boards import Board
from dashboards.queries import recorded

_AGE: Final = recorded("cause:postfix_queue_deferred_oldest_message_age_seconds:max")
_NUMBER: Final = (
    '{{ with printf "cause:postfix_queue_deferred_messages:sum{cause=%q}" $labels.cause | query }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }}'
)

OLDEST: Final = Alert(
    name="MailQueueOldestTooOld",
    severity=Severity.WARNING,
    expr=f'{_AGE}{{cause!="quota"}} > 30m',
    summary="Mail has waited for {{ $value | humanizeDuration }}: {{ $labels.cause }}",
    description=f"Mails that wait because of {{{{ $labels.cause }}}}: {_NUMBER}, the oldest for "
    "{{ $value | humanizeDuration }}.",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="30 minutes: Postfix has tried about four times by then (after 5, 10 and 20 minutes), and greylisting is "
    "over. Mail over the daily limit waits for hours by nature: MailQuotaExhausted.",
    silenced_by=("MailServerDown",),
    silenced_by_same=("MailQueueStuck", *RELAY_ALERTS),
    same=("cause",),
)

STUCK: Final = Alert(
    name="MailQueueStuck",
    severity=Severity.CRITICAL,
    expr=f"{_AGE} > 1d",
    summary="Mail has been stuck for more than a day: {{ $labels.cause }}",
    description=f"Mails that wait because of {{{{ $labels.cause }}}}: {_NUMBER}, the oldest for "
    "{{ $value | humanizeDuration }}. After 5 days (MAXIMAL_QUEUE_LIFETIME) they are given up.",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="A day: even a used-up daily limit has let mail through by then, and four days are left to mend it.",
)

NOT_MOVING: Final = Alert(
    name="MailQueueNotMoving",
    severity=Severity.CRITICAL,
    expr='max by (queue) (postfix_queue_oldest_message_age_seconds{job="mail-exporter",'
    'queue=~"maildrop|incoming|active"}) > 30m\n'
    "and on (queue) (min_over_time(queue:postfix_queue_messages:sum[15m]) > 0)",
    summary="Postfix does not take up new mail ({{ $labels.queue }})",
    description="A mail has been in the queue {{ $labels.queue }} for {{ $value | humanizeDuration }} without a "
    "delivery attempt that ended.",
    advice=Advice(
        "the queue manager or the delivery agent hangs, or a relay takes minutes for every mail.",
        "`docker exec mail-server mailq` and `docker logs --since 30m mail-server`; `docker restart mail-server` "
        "loses nothing.",
    ),
    board=Board.SERVER,
    reason="Mail stays seconds in these queues. A deferred mail that is being retried is as old as it is, and passes "
    "through `active`: only a queue that was never empty for 15 minutes counts.",
    silenced_by=("MailServerDown",),
)

GROWING: Final = Alert(
    name="MailQueueGrowing",
    severity=Severity.WARNING,
    expr="delta(job:postfix_queue_messages:sum[1h]) >= 20",
    hold="10m",
    summary="The mail queue grows",
    description='The queue has {{ $value | printf "%.0f" }} mails more than an hour ago, '
    '{{ with query "job:postfix_queue_messages:sum" }}{{ . | first | value | printf "%.0f" }}{{ end }} in all.',
    advice=CauseFrom.FAILURES,
    board=Board.SERVER,
    reason="20 mails in an hour is a day's mail of a busy site; what is sent at once leaves within ten minutes.",
    silenced_by=("MailServerDown", "MailQuotaExhausted", *RELAY_ALERTS),
)

BOUNCING: Final = Alert(
    name="MailDeliveriesBouncing",
    severity=Severity.WARNING,
    expr="""sum(outcome:postfix_recipients_finished:increase1h{outcome=~"bounced|expired"}) > 0
and (
  sum(outcome:postfix_recipients_finished:increase1d{outcome=~"bounced|expired"})
  / sum(outcome:postfix_recipients_finished:increase1d{outcome=~"sent|bounced|expired"})
) > 0.05""",
    summary="Mail comes back undelivered",
    description="Mails that could not be delivered in the last hour: "
    '{{ $value | printf "%.0f" }}; in the last 24, more than '
    "5 % of all.",
    advice=CauseFrom.FAILURES,
    board=Board.TRAIL,
    reason="One bounce at up to 20 mails a day; above that a share of 5 % in 24 h, for some addresses are always "
    "wrong. Forwarded mail has its own alert.",
)

FORWARDING: Final = Alert(
    name="MailForwardingFailing",
    severity=Severity.WARNING,
    expr="""sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"bounced|expired"}) >= 2
and (
  sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"bounced|expired"})
  / sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"sent|bounced|expired"})
) > 0.2""",
    summary="Forwarded mail does not arrive",
    description="Mails to your domain that could not be forwarded in 24 hours: "
    '{{ $value | printf "%.0f" }}, more than a '
    "fifth.",
    advice=CauseFrom.FAILURES,
    board=Board.TRAIL,
    reason="Two and a fifth: what strangers write is refused now and then as spam, and rightly.",
)

GROUP: Final = Group(
    Component.QUEUE,
    "Mail that waits, and mail that comes back",
    (OLDEST, STUCK, NOT_MOVING, GROWING, BOUNCING, FORWARDING),
)
