"""Annotations in the graphs of all dashboards."""

from dashboards.render import annotations


def test_annotations() -> None:
    """Restarts, critical alerts and warnings are marked, each in its own colour; alerts of severity info are not."""
    assert {mark.name: mark.icon_color for mark in annotations()} == {
        "Restarts": "blue",
        "Critical alerts": "red",
        "Warnings": "orange",
    }
    assert not any('severity="info"' in str(mark.expr) for mark in annotations())
