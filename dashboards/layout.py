"""Layout of panels on Grafana's grid: shelves from top to bottom, without gaps or overlaps."""

from collections.abc import Iterator
from typing import NamedTuple

from dashboards.model import COLUMNS, Heading, Panel, Shelf


class Place(NamedTuple):
    """A panel or heading, and its rectangle in Grafana's grid."""

    what: Panel | Heading
    x: int
    y: int
    width: int
    height: int


def placed(parts: tuple[Shelf | Heading, ...]) -> Iterator[Place]:
    """Yield every panel and heading with its place.

    Raises:
        ValueError: the widths of a shelf do not fill the grid.
    """
    y = 0
    for part in parts:
        if isinstance(part, Heading):
            yield Place(part, 0, y, COLUMNS, 1)
            y += 1
        else:
            yield from _on_shelf(part, y)
            y += part.height


def _on_shelf(shelf: Shelf, y: int) -> Iterator[Place]:
    x = 0
    for width, panel in shelf.places:
        yield Place(panel, x, y, width, shelf.height)
        x += width
    if x != COLUMNS:
        raise ValueError(f"a shelf is {x} columns wide: {[panel.title for _, panel in shelf.places]}")
