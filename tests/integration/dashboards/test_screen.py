"""Checks of Grafana's pages, tested with pages of this file."""

import struct
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dashboards.board_files import Json
from tests.integration.api.webdriver import browser, webdriver_server
from tests.integration.dashboards import screen as module
from tests.integration.dashboards.grafana import ImageMissing, pull
from tests.integration.dashboards.screen import Screen

BOARD: Final[Json] = {"panels": [{"type": "stat", "gridPos": {"h": 4}}, {"type": "stat", "gridPos": {"h": 4}}]}
STYLE: Final = (
    "body { margin: 0 } .title { display: flex; padding: 0 8px; min-width: 0 } header { display: flex }"
    "h2 { min-width: 0; margin: 0; font: 500 14px sans-serif; overflow: hidden; text-overflow: ellipsis;"
    " white-space: nowrap }"
)
"""The style of a panel's header in @grafana/ui 12.0.1."""
ERROR_MARK: Final = '<button data-testid="data-testid Panel status error"></button>'


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """Return a window for pages that are in their own address (data URLs)."""
    with webdriver_server("bridge") as server, browser(server, script=True) as window:
        yield Screen(window, "data:text/html;base64,")


def panel(title: str, *, width: float = 300, mark: str = "") -> str:
    """Return a panel with Grafana's markup."""
    return (
        f'<section data-testid="data-testid Panel header {title}" style="width: {width}px; height: 100px">'
        f'<header>{mark}<div class="title"><h2 title="{title}">{title}</h2></div>'
        '<span data-testid="data-testid Panel header item links">i</span></header></section>'
    )


def page(*parts: str) -> str:
    """Return a page's data URL, after its type."""
    text = f"<!doctype html><style>{STYLE}</style><body>{''.join(parts)}"
    return b64encode(text.encode()).decode()


def test_cut_titles(screen: Screen) -> None:
    """A title that is too long for its panel is reported, and one that fits is not."""
    screen.open(page(panel("Quota used", width=70), panel("Quota left")), BOARD, 1280)
    assert screen.cut() == ["Quota used"]
    assert screen.untitled() == []


def test_fitting_titles(screen: Screen) -> None:
    """A fraction of a pixel does not make a title count as cut."""
    titles = [f"Mails by {'q' * length}" for length in range(1, 40)]
    screen.open(page(*(panel(title, width=600 + number / 7) for number, title in enumerate(titles))), BOARD, 1280)
    assert screen.cut() == []


def test_panels_without_a_title(screen: Screen) -> None:
    """A panel without a title is reported, so that a change of Grafana's pages is noticed."""
    screen.open(page(panel("Alerts").replace("h2", "h3"), panel("Causes")), BOARD, 1280)
    assert screen.untitled() == ["Alerts"]


def test_errors(screen: Screen) -> None:
    """A panel with an error mark is reported."""
    screen.open(page(panel("Trace", mark=ERROR_MARK), panel("Postfix log")), BOARD, 1280)
    assert screen.errors() == ["Trace"]


@pytest.mark.parametrize("width", module.WIDTHS)
def test_picture(screen: Screen, tmp_path: Path, width: int) -> None:
    """The picture has the given width, on a phone too, and the height of all panels."""
    screen.open(page(*(panel(f"Panel {number}") for number in range(30))), BOARD, width)
    screen.picture(tmp_path / "page.png")
    assert struct.unpack(">II", (tmp_path / "page.png").read_bytes()[16:24]) == (width, 3016)


def test_menu(screen: Screen) -> None:
    """The width of the menu is measured."""
    screen.open(page("<style>section { margin-left: 316px }</style>", panel("One"), panel("Two")), BOARD, 1280)
    assert screen.menu_width == 316


def test_waits_for_panels(screen: Screen) -> None:
    """A page is checked when all of its panels exist."""
    late = f"document.body.insertAdjacentHTML('beforeend', {panel('Late', width=40)!r})"
    screen.open(page(panel("First"), f"<script>setTimeout(() => {late}, 2500)</script>"), BOARD, 1280)
    assert screen.cut() == ["Late"]


def test_waits_for_requests(screen: Screen) -> None:
    """A page is checked when no request has been open for a while."""
    late = "document.querySelector('section').style.width = '40px'; window.requests--"
    script = f"<script>window.requests++; setTimeout(() => {{ {late} }}, 2500)</script>"
    screen.open(page(panel("First"), panel("Second"), script), BOARD, 1280)
    assert screen.cut() == ["First"]


def test_counts_requests(screen: Screen) -> None:
    """A request to the page's own site is open until its response arrives or it fails."""
    counted = "document.querySelector('section').style.width = window.requests === 2 ? '40px' : '300px'"
    script = f"<script>fetch('data:,'); fetch('data:'); fetch('http://127.0.0.1:1/'); {counted}</script>"
    screen.open(page(panel("First"), panel("Second"), script), BOARD, 1280)
    assert screen.cut() == ["First"]


def test_another_page(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without the panels, such as the home page after a redirect, is an error."""
    monkeypatch.setattr(module, "_LOAD_SECONDS", 3)
    with pytest.raises(TimeoutError, match="with 2 panels"):
        screen.open(page(panel("Only")), BOARD, 1280)


def test_missing_image() -> None:
    """The error for an image that cannot be pulled names the image."""
    with pytest.raises(ImageMissing, match=r"image registry\.invalid/grafana:12\.0\.1 cannot be pulled: "):
        pull("registry.invalid/grafana:12.0.1")
