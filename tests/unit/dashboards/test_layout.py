"""Shelves to rectangles."""

import pytest

from dashboards.layout import placed
from dashboards.model import Heading, Kind, Panel, Shelf

ONE, TWO = (Panel(Kind.TEXT, title, "") for title in ("one", "two"))


def test_shelves_stand_below_each_other() -> None:
    """A heading takes a row, panels of a shelf stand side by side."""
    parts = (Heading("first"), Shelf(6, ((16, ONE), (8, TWO))), Shelf(2, ((24, ONE),)))
    found = [(place.x, place.y, place.width, place.height) for place in placed(parts)]
    assert found == [(0, 0, 24, 1), (0, 1, 16, 6), (16, 1, 8, 6), (0, 7, 24, 2)]


@pytest.mark.parametrize(
    "shelf",
    [
        pytest.param(Shelf(4, ((16, ONE),)), id="too narrow"),
        pytest.param(Shelf(4, ((16, ONE), (16, TWO))), id="too wide"),
    ],
)
def test_shelf_that_leaves_gaps(shelf: Shelf) -> None:
    """It is refused."""
    with pytest.raises(ValueError, match="shelf"):
        list(placed((shelf,)))
