"""PromQL that dashboards and alerts share: the recording rules by name, and the selectors of recorded series.

Selectors always name the job, so that other Postfix exporters or FastAPI services of the same Prometheus are not
included; the job is the container's name (Dinky Server's convention). Sums drop `instance`, so that a series continues
when a restarted container has another address. Time spans are written as durations everywhere (`> 30m`, not `> 1800`;
Prometheus 2.54 and newer), so that `make drill` can shorten them.
"""

from typing import Final

from mail_telemetry.causes import EXPLANATIONS

OBJECTIVE_SECONDS: Final = 300
"""A mail is on time if the relay accepts it within this time after its arrival; a bound of the histogram's buckets."""

EXPLANATION: Final = "cause:mail_explanation:info"
"""The value 1 for every cause, with meaning and next step as labels, so that queries can join the cause table."""
VERDICT: Final = "alertname:mail_verdict:priority"
"""The priority of each alert's sentence at the top of the overview; the sentence is the label `verdict`."""
TABLES: Final = frozenset({EXPLANATION, VERDICT})
"""Recorded series with texts in their labels; no expression can replace them."""

_FINISHED = 'postfix_recipients_finished_total{job="mail-exporter"'
_ENDED = 'postfix_delivery_duration_seconds_count{job="mail-exporter",outcome=~"sent|bounced|expired"}'
_ON_TIME = f'postfix_delivery_duration_seconds_bucket{{job="mail-exporter",outcome="sent",le="{OBJECTIVE_SECONDS}.0"}}'
_WAITING = 'sum by (job) (postfix_queue_deferred_messages{job="mail-exporter"})'


def _late(window: str) -> str:
    """Return the number of recipients whose mail left the queue in the window late or undelivered."""
    return (
        f"clamp_min(\n  sum by (job) (increase({_ENDED}[{window}]))\n"
        f"  - sum by (job) (increase({_ON_TIME}[{window}])),\n  0\n)"
    )


RECORDED: Final[dict[str, str]] = {
    # --- requests to the API
    "result:mail_api_messages:increase15m": (
        'sum by (result) (increase(mail_api_messages_total{job="mail-api"}[15m]))'
    ),
    "result:mail_api_messages:increase1d": 'sum by (result) (increase(mail_api_messages_total{job="mail-api"}[1d]))',
    # --- the queue
    "queue:postfix_queue_messages:sum": 'sum by (queue) (postfix_queue_messages{job="mail-exporter"})',
    "job:postfix_queue_messages:sum": 'sum by (job) (postfix_queue_messages{job="mail-exporter"})',
    "cause:postfix_queue_deferred_messages:sum": (
        'sum by (cause) (postfix_queue_deferred_messages{job="mail-exporter"})'
    ),
    "cause:postfix_queue_deferred_oldest_message_age_seconds:max": (
        'max by (cause) (postfix_queue_deferred_oldest_message_age_seconds{job="mail-exporter"})'
    ),
    # --- outcomes of mails
    "cause:postfix_relay_failures:increase1h": (
        'sum by (cause) (increase(postfix_relay_failures_total{job="mail-exporter"}[1h]))'
    ),
    "outcome:postfix_recipients_finished:increase1h": (
        f'sum by (outcome) (increase({_FINISHED},forwarded="no"}}[1h]))'
    ),
    "outcome:postfix_recipients_finished:increase1d": (
        f'sum by (outcome) (increase({_FINISHED},forwarded="no"}}[1d]))'
    ),
    "outcome:postfix_recipients_forwarded:increase1d": (
        f'sum by (outcome) (increase({_FINISHED},forwarded="yes"}}[1d]))'
    ),
    # --- the delivery objective: late and undelivered mail, and mail that has waited for too long
    "job:postfix_queue_overdue:sum": (
        f"{_WAITING}\nand max by (job) ("
        'postfix_queue_deferred_oldest_message_age_seconds{job="mail-exporter"}) > 5m\n'
        f"or {_WAITING} * 0"
    ),
    "job:postfix_deliveries_ended:increase7d": f"sum by (job) (increase({_ENDED}[7d]))",
    "job:postfix_deliveries_missed:increase1d": f"{_late('1d')}\n+ job:postfix_queue_overdue:sum",
    "job:postfix_deliveries_missed:increase7d": f"{_late('7d')}\n+ job:postfix_queue_overdue:sum",
    "job:postfix_deliveries_missed:ratio7d": (
        "job:postfix_deliveries_missed:increase7d\n"
        "/ (job:postfix_deliveries_ended:increase7d + job:postfix_queue_overdue:sum > 0)"
    ),
    # --- the machine
    "disk:mail_volume_free:ratio": (
        'min by (disk) (mail_volume_free_bytes{job="mail-exporter"} / mail_volume_size_bytes{job="mail-exporter"})'
    ),
}
"""Recording rules: name (`level:metric:operations`) to expression, in the order of evaluation."""

CAUSE_LABELS: Final[dict[str, dict[str, str]]] = {
    cause.value: {
        "cause": cause.value,
        "meaning": known.meaning,
        "next_step": known.next_step,
        "retry": "can succeed" if known.retry_can_succeed else "cannot succeed",
    }
    for cause, known in EXPLANATIONS.items()
}
"""The labels of `EXPLANATION` for each cause."""


def recorded(name: str, **labels: str) -> str:
    """Return a selector of a recorded series.

    Raises:
        KeyError: nothing of that name is recorded.
    """
    if name not in TABLES:
        RECORDED[name]
    matchers = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{matchers}}}" if matchers else name
