"""Dashboards in a real Grafana with Prometheus, Loki and Tempo, with deferred mail.

Skipped if an image cannot be pulled. SCREENSHOTS=folder keeps a picture of each dashboard at each width.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.board_files import Json, boards, panels
from dashboards.boards import Board
from tests.integration.dashboards.grafana import Grafana, ImageMissing, shown
from tests.integration.dashboards.panel_queries import address, chosen, links, links_of_sources
from tests.integration.dashboards.screen import SHOWN, WIDTHS, Screen

BOARDS = boards()
EVERY_PANEL = [
    pytest.param(uid, panel, id=f"{uid}: {panel['title']}") for uid, board in BOARDS.items() for panel in panels(board)
]


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[Grafana, Screen]]:
    """Run the stack, its monitoring and a browser."""
    try:
        with shown() as running:
            yield running
    except ImageMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def grafana(parts: tuple[Grafana, Screen]) -> Grafana:
    """Return Grafana's API."""
    return parts[0]


@pytest.fixture(scope="module")
def screen(parts: tuple[Grafana, Screen]) -> Screen:
    """Return Grafana's pages."""
    return parts[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pictures."""
    wanted = os.environ.get("SCREENSHOTS")
    kept = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    kept.mkdir(parents=True, exist_ok=True)
    return kept


@pytest.mark.parametrize(("uid", "panel"), EVERY_PANEL)
def test_query(grafana: Grafana, uid: str, panel: Json) -> None:
    """Grafana's data sources answer every query of the panel without an error."""
    assert grafana.ask(BOARDS[uid], panel) == {}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("uid", BOARDS)
def test_board(grafana: Grafana, screen: Screen, folder: Path, uid: str, width: int) -> None:
    """No panel shows an error, and no title is cut, with the docked menu and on a phone."""
    screen.open(grafana.path(uid), BOARDS[uid], width)
    screen.picture(folder / f"{uid}-{width}.png")
    assert (screen.menu_width > 200) == (width > 1200)
    assert screen.untitled() == []
    assert screen.errors() == []
    assert screen.cut() == []


def test_trail_without_an_id(screen: Screen) -> None:
    """No query fails while no mail is chosen."""
    screen.open(f"/d/{Board.TRAIL}?{SHOWN}", BOARDS[Board.TRAIL], WIDTHS[0])
    assert screen.errors() == []


@pytest.mark.parametrize("link", dict.fromkeys(links_of_sources()))
def test_link_of_a_data_source(grafana: Grafana, screen: Screen, link: str) -> None:
    """Links of exemplars and log lines lead an anonymous viewer to the message trail, not to the home page."""
    screen.open(address(link, {}, grafana.mail.trace_id), BOARDS[Board.TRAIL], WIDTHS[0])
    assert screen.path.startswith(f"/d/{Board.TRAIL}")
    assert grafana.mail.trace_id in screen.path
    assert screen.errors() == []


def test_links_of_data_sources_are_provisioned(grafana: Grafana) -> None:
    """Grafana returns the provisioned links with `$` for `$$`."""
    assert grafana.links_of_sources() == links_of_sources()


@pytest.mark.parametrize("uid", BOARDS)
def test_links_of_a_board(grafana: Grafana, uid: str) -> None:
    """Every link of a board leads an anonymous viewer to an existing board."""
    values = chosen(BOARDS[uid], grafana.mail.variables)
    for link in links(BOARDS[uid]):
        path = address(link, values, grafana.mail.trace_id)
        assert "$" not in path
        assert grafana.http.get(path).status_code == 200
        board = path.removeprefix("/d/").partition("?")[0]
        assert grafana.http.get(f"/api/dashboards/uid/{board}").status_code == 200
