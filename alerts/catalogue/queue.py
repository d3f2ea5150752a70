"""Alerts about deferred and returned mail. By age first: at ten mails a day, counts are small."""

from typing import Final

from alerts.catalogue.relay import NAMES as RELAY_ALERTS
from alerts.model import Advice, Alert, CauseFrom, Component, Group, Severity
from dashboards.boards import Board
from dashboards.recording_rules import recorded

_AGE: Final = recorded("cause:postfix_queue_deferred_oldest_message_age_seconds:max")
_NUMBER: Final = (
    '{{ with printf "cause:postfix_queue_deferred_messages:sum{cause=%q}" $labels.cause | query }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }}'
)

OLDEST: Final = Alert(
    name="MailQueueOldestTooOld",
    severity=Severity.WARNING,
    expr=f'{_AGE}{{cause!="quota"}} > 30m',
    summary="Mail deferred for {{ $value | humanizeDuration }}: {{ $labels.cause }}",
    description=f"Mails deferred by {{{{ $labels.cause }}}}: {_NUMBER}, the oldest for "
    "{{ $value | humanizeDuration }}.",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="30 minutes: about four attempts (retries after 5, 10 and 20 minutes), and longer than greylisting. Mail "
    "over the daily limit can wait for hours: MailQuotaExhausted.",
    silenced_by=("MailServerDown",),
    silenced_by_same=("MailQueueStuck", *RELAY_ALERTS),
    same=("cause",),
)

STUCK: Final = Alert(
    name="MailQueueStuck",
    severity=Severity.CRITICAL,
    expr=f"{_AGE} > 1d",
    summary="Mail deferred for more than a day: {{ $labels.cause }}",
    description=f"Mails deferred by {{{{ $labels.cause }}}}: {_NUMBER}, the oldest for "
    "{{ $value | humanizeDuration }}. After 5 days (MAXIMAL_QUEUE_LIFETIME) they are returned to the sender.",
    advice=CauseFrom.LABEL,
    board=Board.SERVER,
    reason="A day: a daily limit releases quota within it, and four days are left for the repair.",
)

NOT_MOVING: Final = Alert(
    name="MailQueueNotMoving",
    severity=Severity.CRITICAL,
    expr='max by (queue) (postfix_queue_oldest_message_age_seconds{job="mail-exporter",'
    'queue=~"maildrop|incoming|active"}) > 30m\n'
    "and on (queue) (min_over_time(queue:postfix_queue_messages:sum[15m]) > 0)",
    summary="Postfix does not process new mail ({{ $labels.queue }})",
    description="A mail has been in the queue {{ $labels.queue }} for {{ $value | humanizeDuration }} without a "
    "finished delivery attempt.",
    advice=Advice(
        "the queue manager or the delivery agent hangs, or the relay needs minutes for each mail.",
        "`docker exec mail-server mailq` and `docker logs --since 30m mail-server`; `docker restart mail-server` "
        "keeps the queue.",
    ),
    board=Board.SERVER,
    reason="Mail stays in these queues for seconds. An old deferred mail passes through `active` at each retry, so the "
    "queue must not have been empty for 15 minutes.",
    silenced_by=("MailServerDown",),
)

GROWING: Final = Alert(
    name="MailQueueGrowing",
    severity=Severity.WARNING,
    expr="delta(job:postfix_queue_messages:sum[1h]) >= 20",
    hold="10m",
    summary="The mail queue grows",
    description='The queue has {{ $value | printf "%.0f" }} more mails than an hour ago, '
    '{{ with query "job:postfix_queue_messages:sum" }}{{ . | first | value | printf "%.0f" }}{{ end }} in total.',
    advice=CauseFrom.FAILURES,
    board=Board.SERVER,
    reason="20 mails in an hour are a day's mail of a busy website. A burst is delivered within 10 minutes.",
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
    summary="Mail is returned undelivered",
    description="Mails that were returned in the last hour: "
    '{{ $value | printf "%.0f" }}; in the last 24 hours, more than '
    "5 % of all mails.",
    advice=CauseFrom.FAILURES,
    board=Board.TRAIL,
    reason="One bounce at up to 20 mails a day; above that 5 % in 24 hours, because a few addresses are always wrong. "
    "Forwarded mail has its own alert.",
)

FORWARDING: Final = Alert(
    name="MailForwardingFailing",
    severity=Severity.WARNING,
    expr="""sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"bounced|expired"}) >= 2
and (
  sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"bounced|expired"})
  / sum(outcome:postfix_recipients_forwarded:increase1d{outcome=~"sent|bounced|expired"})
) > 0.2""",
    summary="Forwarded mail is returned undelivered",
    description="Mails to MAIL_DOMAIN that could not be forwarded in 24 hours: "
    '{{ $value | printf "%.0f" }}, more than '
    "20 %.",
    advice=CauseFrom.FAILURES,
    board=Board.TRAIL,
    reason="At least two mails and 20 %: mailbox providers reject some forwarded mail as spam.",
)

GROUP: Final = Group(
    Component.QUEUE,
    "Deferred and returned mail",
    (OLDEST, STUCK, NOT_MOVING, GROWING, BOUNCING, FORWARDING),
)
