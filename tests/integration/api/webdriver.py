"""A browser in a container, controlled by the WebDriver protocol (https://www.w3.org/TR/webdriver2/)."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from testcontainers.core.container import DockerContainer

from tests.integration.stack import until

IMAGE: Final = "selenium/standalone-chromium:133.0"
_PORT: Final = 4444
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
# Background requests of the browser would wait for networks that do not exist.
_ARGUMENTS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-features=HttpsUpgrades", "--window-size=900,900"),
)
_SCRIPT_SETTING: Final = "profile.managed_default_content_settings.javascript"
_BLOCK: Final = 2


class Browser:
    """One window with its own profile."""

    def __init__(self, http: httpx2.Client, session: str) -> None:
        self._http = http
        self._session = session

    def command(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - any JSON
        """Send a command to the browser and return the value of its response."""
        content = body if method == "POST" else None
        response = self._http.request(method, f"/session/{self._session}/{path}", json=content)
        value = response.json()["value"]
        assert response.status_code == 200, value
        return value

    def open(self, url: str) -> None:
        """Open a page."""
        self.command("POST", "url", url=url)

    @property
    def url(self) -> str:
        """The address of the current page."""
        return str(self.command("GET", "url"))

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.command("POST", f"element/{self._find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.command("POST", f"element/{self._find(selector)}/click")

    def text(self, selector: str) -> str:
        """Return the visible text of an element."""
        return str(self.command("GET", f"element/{self._find(selector)}/text"))

    def attribute(self, selector: str, name: str) -> str | None:
        """Return an element's attribute."""
        found = self.command("GET", f"element/{self._find(selector)}/attribute/{name}")
        return None if found is None else str(found)

    def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """Run a script in the page and return its value."""
        return self.command("POST", "execute/sync", script=script, args=[])

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page and its screenshots in pixels, even below the window's minimum size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", **size)

    def begin_pages_with(self, script: str) -> None:
        """Run a script at the start of every later page, before the page's own scripts."""
        self._devtools("Page.addScriptToEvaluateOnNewDocument", source=script)

    def screenshot(self, path: Path) -> None:
        """Write a screenshot of the page into a file."""
        path.write_bytes(base64.b64decode(self.command("GET", "screenshot")))

    def _devtools(self, command: str, **parameters: Any) -> None:  # noqa: ANN401 - any JSON
        """Run a command of the Chrome DevTools Protocol, which is in effect until the window is closed."""
        self.command("POST", "goog/cdp/execute", cmd=command, params=parameters)

    def _find(self, selector: str) -> str:
        return str(self.command("POST", "element", using="css selector", value=selector)[_ELEMENT])


@contextmanager
def webdriver_server(network: str) -> Iterator[str]:
    """Run a browser on this network and return the URL of its WebDriver server."""
    with DockerContainer(IMAGE).with_kwargs(network=network).with_exposed_ports(_PORT) as container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}"
        until("the browser", lambda: _is_ready(url), 60)
        yield url


def _is_ready(url: str) -> bool:
    try:
        return bool(httpx2.get(f"{url}/status").json()["value"]["ready"])
    except (httpx2.HTTPError, ValueError):
        return False


@contextmanager
def browser(url: str, *, script: bool) -> Iterator[Browser]:
    """Open a window at the WebDriver server with this URL, with or without JavaScript."""
    options: dict[str, Any] = {"args": list(_ARGUMENTS)}
    if not script:
        options["prefs"] = {_SCRIPT_SETTING: _BLOCK}
    wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
    with httpx2.Client(base_url=url, timeout=60) as http:
        response = http.post("/session", json=wanted)
        assert response.status_code == 200, response.text
        opened = Browser(http, response.json()["value"]["sessionId"])
        try:
            yield opened
        finally:
            http.delete(f"/session/{opened._session}")  # noqa: SLF001 - our own
