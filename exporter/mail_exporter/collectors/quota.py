"""Quota metrics of the relay account and limits of API keys, from the ledger.

Mail servers that share a relay account share its quota.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from mail_exporter.collectors import gauge, gauges
from mail_ledger.key_limits import KeyRoom
from mail_ledger.quota import Quota, ordinary_reopens, ordinary_room
from mail_telemetry.metrics import exporter
from mail_telemetry.names import Entry

_FORWARDED: Final = {False: "no", True: "yes"}


class Limits(NamedTuple):
    """The relay account's quota (None without a relay), and the room of API keys with their own limit."""

    quota: Quota | None
    keys: Sequence[KeyRoom] = ()


def limit_metrics(limits: Limits, reserve: int) -> Iterator[Metric]:
    """Yield the gauges of quota and keys.

    Args:
        limits: as read from the ledger.
        reserve: recipients of the limit that are kept for important API keys (QUOTA_RESERVE).
    """
    if limits.quota is not None:
        yield from quota_metrics(limits.quota, reserve)
    yield from key_metrics(limits.keys)


def quota_metrics(quota: Quota, reserve: int) -> Iterator[Metric]:
    """Yield the gauges of a quota; an entry without recipients has the value 0."""
    yield gauge(exporter.QUOTA_LIMIT, quota.limit)
    yield gauge(exporter.QUOTA_RESERVE, reserve)
    yield gauge(exporter.QUOTA_ROOM, ordinary_room(quota, reserve))
    yield gauge(exporter.QUOTA_REOPENS, ordinary_reopens(quota, reserve) or 0)
    yield gauge(exporter.QUOTA_USED, quota.used)
    yield _used_by_entry(quota)
    yield gauge(exporter.QUOTA_REMAINING, quota.remaining)
    yield gauge(exporter.QUOTA_IN_QUEUE, quota.in_queue)
    yield gauge(exporter.QUOTA_NEXT_RELEASE, quota.next_release or 0)
    yield gauge(exporter.QUOTA_EXHAUSTED, quota.exhausted)
    yield gauge(exporter.QUOTA_EXHAUSTION, quota.estimated_exhaustion or 0)


def key_metrics(keys: Sequence[KeyRoom]) -> Iterator[Metric]:
    """Yield the room of each key."""
    yield gauges(exporter.KEY_ROOM, {key.name: key.room for key in keys})
    yield gauges(exporter.KEY_REOPENS, {key.name: key.reopens or 0 for key in keys})


def _used_by_entry(quota: Quota) -> GaugeMetricFamily:
    metric = exporter.QUOTA_ENTRY_USED
    known = {(use.entry, use.forwarded): use.recipients for use in quota.uses}
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for entry in Entry:
        for forwarded, label in _FORWARDED.items():
            family.add_metric([entry.value, label], known.get((entry, forwarded), 0))
    return family
