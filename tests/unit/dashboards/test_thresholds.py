"""Numbers of alerts as colours."""

import pytest

from alerts.model import Severity
from dashboards.thresholds import Limit, Step, above, at, below, compared, limit


def test_limit_is_the_alerts() -> None:
    """Durations become seconds, the severity a colour."""
    assert limit("MailQueueOldestTooOld") == Limit(">", 1800.0, "orange")
    assert limit("MailQueueStuck") == Limit(">", 86400.0, "red")


def test_above() -> None:
    """High is bad; more than nothing begins just above it."""
    steps = above(Limit(">", 20, "red"), Limit(">", 0, "orange"))
    assert steps == (Step(None, "green"), Step(0.001, "orange"), Step(20, "red"))


def test_below() -> None:
    """Low is bad, and what lies above the last limit is good."""
    steps = below(Limit("<", 0.15, "orange"), Limit("<", 0.05, "red"))
    assert steps == (Step(None, "red"), Step(0.05, "orange"), Step(0.15, "green"))


def test_rest() -> None:
    """What is left of a whole has the rest of the limit."""
    assert at(0.25, Severity.CRITICAL).rest == Limit(">=", 0.75, "red")


def test_compared() -> None:
    """The expression of an alert without its last comparison; one without a comparison has none."""
    assert compared("MailVolumeFull") == 'min by (disk) (mail_volume_free_bytes{job="mail-exporter"})'
    with pytest.raises(ValueError, match="MailWatchdog"):
        compared("MailWatchdog")
