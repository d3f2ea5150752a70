"""Shelves to rectangles."""

import pytest

from dashboards.layout import placed
from dashboards.model import Heading, Kind, Panel, Shelf

ONE, TWO, THREE = (Panel(Kind.TEXT, title, "") for title in ("one", "two", "three"))


def test_shelves_stand_below_each_other() -> None:
    """A heading takes a row, panels of a shelf stand side by side, those of a pile one on the other."""
    parts = (Heading("first"), Shelf(6, ((16, ONE), (8, (TWO, THREE)))), Shelf(2, ((24, ONE),)))
    found = [(place.x, place.y, place.width, place.height) for place in placed(parts)]
    assert found == [(0, 0, 24, 1), (0, 1, 16, 6), (16, 1, 8, 3), (16, 4, 8, 3), (0, 7, 24, 2)]


@pytest.mark.parametrize(
    "shelf",
    [
        pytest.param(Shelf(4, ((16, ONE),)), id="too narrow"),
        pytest.param(Shelf(4, ((16, ONE), (16, TWO))), id="too wide"),
        pytest.param(Shelf(5, ((24, (ONE, TWO)),)), id="a height that can't be halved"),
    ],
)
def test_shelf_that_leaves_gaps(shelf: Shelf) -> None:
    """It is refused."""
    with pytest.raises(ValueError, match=r"shelf|height"):
        list(placed((shelf,)))
