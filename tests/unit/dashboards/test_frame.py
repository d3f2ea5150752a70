"""What is marked in the time series of all dashboards."""

from dashboards.frame import marks


def test_marks() -> None:
    """Restarts, critical alerts and warnings are marked, each in its colour; alerts of severity info are not."""
    assert {mark.name: mark.icon_color for mark in marks()} == {
        "Restarts": "blue",
        "Critical alerts": "red",
        "Warnings": "orange",
    }
    assert not any('severity="info"' in str(mark.expr) for mark in marks())
