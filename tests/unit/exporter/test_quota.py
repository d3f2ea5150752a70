"""Quota gauges."""

from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from mail_exporter import collectors
from mail_exporter.collectors import ScrapeCollector
from mail_exporter.collectors.quota import Limits, limit_metrics
from mail_ledger import LedgerError
from mail_ledger.key_limits import KeyRoom
from mail_ledger.quota import Delivery, Quota, snapshot

NOW = 1_800_000_000.0
DAY = 86400.0


def quota(*deliveries: Delivery, limit: int = 10, in_queue: int = 0) -> Quota:
    """Return a snapshot."""
    return snapshot(now=NOW, limit=limit, window=DAY, deliveries=deliveries, in_queue=in_queue, refused_at=None)


def registry_of(read: Callable[[], Quota | None], reserve: int = 0, keys: Sequence[KeyRoom] = ()) -> CollectorRegistry:
    """Return a registry with the quota collector."""
    registry = CollectorRegistry()
    registry.register(ScrapeCollector({collectors.QUOTA: lambda: limit_metrics(Limits(read(), keys), reserve)}))
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
    """With an empty window the whole limit remains, without a release or an estimated end."""
    assert values(registry_of(quota)) == {
        "limit_recipients": 10,
        "reserve_recipients": 0,
        "room_recipients": 10,
        "reopens_timestamp_seconds": 0,
        "used_recipients": 0,
        "remaining_recipients": 10,
        "in_queue_recipients": 0,
        "next_release_timestamp_seconds": 0,
        "exhausted": 0,
        "exhaustion_timestamp_seconds": 0,
    }


def test_some_used() -> None:
    """At four recipients per hour, four remaining ones last for an hour."""
    deliveries = [Delivery(NOW - 600 + number, "api", False) for number in range(4)]
    assert values(registry_of(lambda: quota(*deliveries, in_queue=2), reserve=1)) == {
        "limit_recipients": 10,
        "reserve_recipients": 1,
        "room_recipients": 3,
        "reopens_timestamp_seconds": 0,
        "used_recipients": 4,
        "remaining_recipients": 6,
        "in_queue_recipients": 2,
        "next_release_timestamp_seconds": NOW - 600 + DAY,
        "exhausted": 0,
        "exhaustion_timestamp_seconds": NOW + 3600,
    }


def test_exhausted() -> None:
    """At the limit nothing remains, and the estimated end is now."""
    found = values(registry_of(lambda: quota(Delivery(NOW - 60, "api", False), limit=1)))
    assert (found["remaining_recipients"], found["exhausted"]) == (0, 1)
    assert found["exhaustion_timestamp_seconds"] == NOW


@pytest.mark.parametrize(
    ("in_queue", "reopens"),
    [
        pytest.param(0, NOW - 600 + DAY, id="used"),
        pytest.param(1, NOW - 599 + DAY, id="used and in queue"),
        pytest.param(5, NOW + DAY, id="more in queue than used"),
    ],
)
def test_ordinary_callers_have_no_room(in_queue: int, reopens: float) -> None:
    """At the limit minus the reserve, the room is 0 and reopens later; the relay still accepts mail."""
    deliveries = [Delivery(NOW - 600 + number, "api", False) for number in range(4)]
    found = values(registry_of(lambda: quota(*deliveries, limit=6, in_queue=in_queue), reserve=2))
    assert (found["room_recipients"], found["reopens_timestamp_seconds"]) == (0, reopens)
    assert (found["exhausted"], found["remaining_recipients"]) == (0, 2)


def test_no_room_by_the_relays_own_reply() -> None:
    """While the relay rejects mail because of its limit, there is no room, for any count."""
    refused = snapshot(now=NOW, limit=10, window=DAY, deliveries=(), in_queue=0, refused_at=NOW - 60)
    found = values(registry_of(lambda: refused, reserve=1))
    assert (found["room_recipients"], found["reopens_timestamp_seconds"]) == (0, NOW - 60 + 3600)


def test_rooms_of_keys() -> None:
    """Each key with a limit has its room, also without a relay and quota."""
    registry = registry_of(lambda: None, keys=[KeyRoom("shop", 3, None), KeyRoom("web", 0, NOW + 60)])
    for key, room, reopens in (("shop", 3, 0), ("web", 0, NOW + 60)):
        assert registry.get_sample_value("mail_key_room_recipients", {"key": key}) == room
        assert registry.get_sample_value("mail_key_reopens_timestamp_seconds", {"key": key}) == reopens
    assert values(registry) == {}


def test_by_entry() -> None:
    """Every entry is present, forwarded and not, and the values add up to the used recipients."""
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
    """While the ledger can't be read, the collector reports a failure and has no gauges."""

    def fail() -> Quota:
        raise LedgerError("read the quota", "connection refused")

    registry = registry_of(fail)
    assert registry.get_sample_value("mail_exporter_scrape_success", {"part": "quota"}) == 0
    assert values(registry) == {}
