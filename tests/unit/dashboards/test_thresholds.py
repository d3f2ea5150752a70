"""Alert limits as colour steps of panels."""

import pytest

from alerts.model import Severity
from dashboards.thresholds import Limit, Step, above, at, below, compared, limit


def test_limit_is_the_alerts() -> None:
    """The limit is the alert's: a duration in seconds, and the severity's colour."""
    assert limit("MailQueueOldestTooOld") == Limit(">", 1800.0, "orange")
    assert limit("MailQueueStuck") == Limit(">", 86400.0, "red")


def test_above() -> None:
    """Where high values are bad, colours begin at the limits; a limit of 0 begins just above 0."""
    steps = above(Limit(">", 20, "red"), Limit(">", 0, "orange"))
    assert steps == (Step(None, "green"), Step(0.001, "orange"), Step(20, "red"))


def test_below() -> None:
    """Where low values are bad, values above the last limit are good."""
    steps = below(Limit("<", 0.15, "orange"), Limit("<", 0.05, "red"))
    assert steps == (Step(None, "red"), Step(0.05, "orange"), Step(0.15, "green"))


def test_rest() -> None:
    """The rest of a ratio limit is one minus the limit."""
    assert at(0.25, Severity.CRITICAL).rest == Limit(">=", 0.75, "red")


def test_compared() -> None:
    """An alert's expression without its last comparison; an alert without a comparison raises ValueError."""
    assert compared("MailVolumeFull") == 'min by (disk) (mail_volume_free_bytes{job="mail-exporter"})'
    with pytest.raises(ValueError, match="MailWatchdog"):
        compared("MailWatchdog")
