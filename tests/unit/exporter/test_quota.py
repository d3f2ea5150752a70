"""The quota's gauges."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from mail_exporter import parts
from mail_exporter.parts import PartsCollector
from mail_exporter.quota import QuotaReader
from mail_ledger import LedgerError
from mail_ledger.quota import Delivery, Quota, snapshot

NOW = 1_800_000_000.0
DAY = 86400.0


def quota(*deliveries: Delivery, limit: int = 10, in_queue: int = 0) -> Quota:
    """Return a snapshot."""
    return snapshot(now=NOW, limit=limit, window=DAY, deliveries=deliveries, in_queue=in_queue, refused_at=None)


def registry_of(read: Callable[[], Quota]) -> CollectorRegistry:
    """Return a registry with the quota as its only part."""
    registry = CollectorRegistry()
    registry.register(PartsCollector({parts.QUOTA: QuotaReader(read, cache_seconds=0).metrics}))
    return registry


def values(registry: CollectorRegistry) -> dict[str, float]:
    """Return the samples without labels, by the middle of their names."""
    return {
        sample.name.removeprefix("mail_quota_"): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.labels
    }


def test_nothing_used() -> None:
    """With an empty window all is left, nothing is to be released and no end is foreseen."""
    assert values(registry_of(quota)) == {
        "limit_recipients": 10,
        "used_recipients": 0,
        "remaining_recipients": 10,
        "in_queue_recipients": 0,
        "next_release_timestamp_seconds": 0,
        "exhausted": 0,
        "exhaustion_timestamp_seconds": 0,
    }


def test_some_used() -> None:
    """Four in the last hour, two on their way: room for four more lasts for an hour at that rate."""
    deliveries = [Delivery(NOW - 600 + number, "api", False) for number in range(4)]
    assert values(registry_of(lambda: quota(*deliveries, in_queue=2))) == {
        "limit_recipients": 10,
        "used_recipients": 4,
        "remaining_recipients": 6,
        "in_queue_recipients": 2,
        "next_release_timestamp_seconds": NOW - 600 + DAY,
        "exhausted": 0,
        "exhaustion_timestamp_seconds": NOW + 3600,
    }


def test_exhausted() -> None:
    """At the limit nothing is left, and the end is now."""
    found = values(registry_of(lambda: quota(Delivery(NOW - 60, "api", False), limit=1)))
    assert (found["remaining_recipients"], found["exhausted"]) == (0, 1)
    assert found["exhaustion_timestamp_seconds"] == NOW


def test_by_entry() -> None:
    """Every entry is there, forwarded mail beside it, and they add up to what is used."""
    registry = registry_of(
        lambda: quota(
            Delivery(NOW - 3, "api", False), Delivery(NOW - 2, "public", True), Delivery(NOW - 1, "public", True)
        )
    )
    name = "mail_quota_entry_used_recipients"
    found = {
        (sample.labels["entry"], sample.labels["forwarded"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }
    assert {labels: value for labels, value in found.items() if value} == {("api", "no"): 1, ("public", "yes"): 2}
    assert len(found) == 10


def test_ledger_away() -> None:
    """A ledger that can't be read is told by the part's success; a number that nobody knows is not there."""

    def fail() -> Quota:
        raise LedgerError("read the quota", "connection refused")

    registry = registry_of(fail)
    assert registry.get_sample_value("mail_exporter_scrape_success", {"part": "quota"}) == 0
    assert values(registry) == {}


@pytest.mark.parametrize("fails", [pytest.param(False, id="an answer"), pytest.param(True, id="a failure")])
def test_short_memory(fails: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Several scrapes at once cost one look at the ledger, when it is away as well."""
    looks = []

    def read() -> Quota:
        looks.append(1)
        if fails:
            raise LedgerError("read the quota", "connection refused")
        return quota()

    registry = CollectorRegistry()
    registry.register(PartsCollector({parts.QUOTA: QuotaReader(read, cache_seconds=60).metrics}))
    for _ in range(3):
        list(registry.collect())
    assert len(looks) == 1
