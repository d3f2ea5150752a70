"""Durations of the fire drill's alert rules."""

import pytest

from alerts.rule_times import faster


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("10m", "10s", id="duration"),
        pytest.param("0s", "0s", id="zero duration"),
        pytest.param("30s", "500ms", id="below a second"),
        pytest.param("1h30m", "90s", id="compound"),
        pytest.param("x > 30m", "x > 30s", id="threshold"),
        pytest.param("increase(x_total[1h]) > 0", "increase(x_total[1m]) > 0", id="range"),
        pytest.param("delta(job:x:sum5m[1h] offset 1d)", "delta(job:x:sum5m[1m] offset 24m)", id="metric names"),
        pytest.param('x{le="300.0",y="10m"} < 250e6', 'x{le="300.0",y="10m"} < 250e6', id="quotes and numbers"),
    ],
)
def test_sixty_times_faster(given: str, expected: str) -> None:
    """Durations are divided by the speed; everything else stays."""
    assert faster(given, 60) == expected


def test_unchanged() -> None:
    """At speed 1 the rule is unchanged."""
    assert faster("x[60s] > 1h30m", 1) == "x[60s] > 1h30m"
