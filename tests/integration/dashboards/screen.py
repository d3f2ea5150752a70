"""Grafana's pages in a browser: open a dashboard at a width, find errors and cut titles, take a picture.

All selectors of Grafana's pages that the tests use are here. Source: @grafana/e2e-selectors 12.0.1 and PanelChrome of
@grafana/ui, which has the same ones in 11.6.0, 12.0.1, 12.4.2 and 13.2.2:

| name   | what it is                                                                                |
| ------ | ----------------------------------------------------------------------------------------- |
| PANEL  | a panel (`components.Panels.Panel.title`)                                                 |
| TITLE  | a panel's title, which CSS cuts where it is too long                                      |
| ERROR  | the red mark of a panel whose query failed (`components.Panels.Panel.status`, since 10.2) |
| DOCKED | local storage of the navigation menu: docked and open, from a width of 1200 pixels on     |
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dashboards.board_files import Json, panels
from tests.integration.api.webdriver import Browser
from tests.integration.stack import until

PANEL: Final = 'section[data-testid^="data-testid Panel header "]'
TITLE: Final = "h2[title]"
ERROR: Final = '[data-testid="data-testid Panel status error"]'
DOCKED: Final[Mapping[str, str]] = {"grafana.navigation.docked": "true", "grafana.navigation.open": "true"}

WIDTHS: Final = (1280, 400)
"""The widths of a small laptop and of a phone, in pixels."""
SHOWN: Final = "from=now-15m&to=now&refresh="
"""The time range in which the tests have sent mail, without automatic refresh."""

_LOAD_SECONDS: Final = 60.0
_QUIET_MILLISECONDS: Final = 1500
_ROW_PIXELS: Final = 38
"""The height of a row of Grafana's grid: 30, and a gap of 8."""
_AROUND_PIXELS: Final = 1000
"""More than the height of the menus and variables above the panels."""
_MARGIN_PIXELS: Final = 16

START_SCRIPT: Final = f"""
if (location.protocol === 'http:') Object.assign(localStorage, {json.dumps(DOCKED)});
const send = window.fetch;
window.requests = 0;
window.fetch = (target, ...rest) => {{
  const own = new URL(target.url ?? target, location).origin === location.origin ? 1 : 0;
  window.requests += own;
  return send(target, ...rest).finally(() => {{ window.requests -= own; }});
}};
"""
"""Runs before a page's scripts: docks the menu, and counts the open requests to Grafana."""
_PANELS: Final = f"const panels = [...document.querySelectorAll('{PANEL}')];"
_NAME: Final = "const name = panel => panel.dataset.testid.replace('data-testid Panel header ', '');"
LOADED_SCRIPT: Final = f"""{_PANELS}
const text = document.body.innerText;
if (text !== window.lastText || window.requests > 0) {{
  window.lastText = text;
  window.quietSince = performance.now();
}}
return panels.length >= %d && performance.now() - window.quietSince > {_QUIET_MILLISECONDS};
"""
"""True if the page has this many panels, and for a while no request was open and no text changed."""
ERRORS_SCRIPT: Final = f"""{_PANELS} {_NAME}
return panels.filter(panel => panel.querySelector('{ERROR}')).map(name);
"""
CUT_SCRIPT: Final = f"""{_PANELS} {_NAME}
const cut = title => title.scrollWidth > title.clientWidth;
return panels.filter(panel => [...panel.querySelectorAll('{TITLE}')].some(cut)).map(name);
"""
UNTITLED_SCRIPT: Final = f"""{_PANELS} {_NAME}
return panels.filter(panel => !panel.querySelector('{TITLE}')).map(name);
"""
BOX_SCRIPT: Final = f"""{_PANELS}
const boxes = panels.map(panel => panel.getBoundingClientRect());
return {{
  left: Math.min(...boxes.map(box => box.left)),
  bottom: Math.ceil(Math.max(...boxes.map(box => box.bottom)) + window.scrollY),
}};
"""


class Screen:
    """Grafana's pages for an anonymous viewer.

    Args:
        window: a browser's window.
        address: Grafana's URL for this browser.
    """

    def __init__(self, window: Browser, address: str) -> None:
        self._window = window
        self._address = address
        window.begin_pages_with(START_SCRIPT)

    def open(self, path: str, board: Json, width: int) -> None:
        """Open a dashboard at this width and in full height, since Grafana loads only panels that are in view.

        Raises:
            TimeoutError: it did not load: another page is shown, or a panel has no data yet.
        """
        every = [*panels(board)]
        rows = sum(panel["gridPos"]["h"] for panel in board["panels"])  # on a phone panels are below each other
        self._window.resize(width, rows * _ROW_PIXELS + _AROUND_PIXELS)
        self._window.open(self._address + path)
        self._settle(path, len(every))
        self._window.resize(width, int(self._box()["bottom"]) + _MARGIN_PIXELS)
        self._settle(path, len(every))

    @property
    def path(self) -> str:
        """The path of the current page; Grafana adds a name to that of a dashboard."""
        return self._window.url.removeprefix(self._address)

    @property
    def menu_width(self) -> float:
        """The number of pixels to the left of the first panel."""
        return float(self._box()["left"])

    def errors(self) -> list[str]:
        """Return the titles of panels that show an error."""
        return self._titles(ERRORS_SCRIPT)

    def cut(self) -> list[str]:
        """Return the titles that are cut."""
        return self._titles(CUT_SCRIPT)

    def untitled(self) -> list[str]:
        """Return the names of panels in which no title was found, since a missing title cannot be reported as cut."""
        return self._titles(UNTITLED_SCRIPT)

    def picture(self, path: Path) -> None:
        """Write the whole page into a PNG file."""
        self._window.screenshot(path)

    def _settle(self, path: str, count: int) -> None:
        until(f"{path} with {count} panels", lambda: self._window.run(LOADED_SCRIPT % count), _LOAD_SECONDS)

    def _box(self) -> dict[str, float]:
        found: dict[str, float] = self._window.run(BOX_SCRIPT)
        return found

    def _titles(self, script: str) -> list[str]:
        found: list[str] = self._window.run(script)
        return found
