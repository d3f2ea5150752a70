"""The fire drill's clock: the same rules, shortened."""

import pytest

from alerts.rule_times import faster


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("10m", "10s", id="a hold"),
        pytest.param("0s", "0s", id="none"),
        pytest.param("30s", "500ms", id="below a second"),
        pytest.param("1h30m", "90s", id="compound"),
        pytest.param("x > 30m", "x > 30s", id="a threshold"),
        pytest.param("increase(x_total[1h]) > 0", "increase(x_total[1m]) > 0", id="a range"),
        pytest.param("delta(job:x:sum5m[1h] offset 1d)", "delta(job:x:sum5m[1m] offset 24m)", id="names remain"),
        pytest.param('x{le="300.0",y="10m"} < 250e6', 'x{le="300.0",y="10m"} < 250e6', id="quotes and numbers remain"),
    ],
)
def test_sixty_times_faster(given: str, expected: str) -> None:
    """Time spans are divided, and nothing else."""
    assert faster(given, 60) == expected


def test_as_they_are() -> None:
    """At speed 1 nothing is rewritten."""
    assert faster("x[60s] > 1h30m", 1) == "x[60s] > 1h30m"
