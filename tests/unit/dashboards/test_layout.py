"""Layout: positions and sizes of panels from shelves."""

import pytest

from dashboards.layout import placed
from dashboards.model import Heading, Kind, Panel, Shelf

ONE, TWO = (Panel(Kind.TEXT, title, "") for title in ("one", "two"))


def test_shelves_stand_below_each_other() -> None:
    """A heading takes a row, and the panels of a shelf are side by side."""
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
def test_shelf_of_wrong_width(shelf: Shelf) -> None:
    """A shelf whose panels do not fill its width raises ValueError."""
    with pytest.raises(ValueError, match="shelf"):
        list(placed((shelf,)))
