"""Where panels lie: shelves from top to bottom, without gaps or overlaps by construction."""

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
        ValueError: a shelf is not filled, or its height can't be divided among panels that stand one on the other.
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
    for width, one in shelf.places:
        pile = (one,) if isinstance(one, Panel) else one
        height, rest = divmod(shelf.height, len(pile))
        if rest:
            raise ValueError(f"{len(pile)} panels can't share a height of {shelf.height}")
        for number, panel in enumerate(pile):
            yield Place(panel, x, y + number * height, width, height)
        x += width
    if x != COLUMNS:
        raise ValueError(f"a shelf is {x} columns wide: {[one for _, one in shelf.places]}")
