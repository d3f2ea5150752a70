"""A browser in a container, by the part of the WebDriver protocol (https://www.w3.org/TR/webdriver2/) used here."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
# What a browser does beside showing pages would only look for networks that are not there.
_ARGUMENTS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-features=HttpsUpgrades", "--window-size=900,900"),
)
_SCRIPT_SETTING: Final = "profile.managed_default_content_settings.javascript"
_BLOCK: Final = 2


class Browser:
    """One window with a profile of its own."""

    def __init__(self, http: httpx2.Client, session: str) -> None:
        self._http = http
        self._session = session

    def command(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - any JSON
        """Say something to the browser and return its answer's value."""
        content = body if method == "POST" else None
        response = self._http.request(method, f"/session/{self._session}/{path}", json=content)
        value = response.json()["value"]
        assert response.status_code == 200, value
        return value

    def open(self, url: str) -> None:
        """Show a page."""
        self.command("POST", "url", url=url)

    @property
    def url(self) -> str:
        """The address of the page that is shown."""
        return str(self.command("GET", "url"))

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.command("POST", f"element/{self._find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.command("POST", f"element/{self._find(selector)}/click")

    def text(self, selector: str) -> str:
        """Return the text that a person sees in an element."""
        return str(self.command("GET", f"element/{self._find(selector)}/text"))

    def attribute(self, selector: str, name: str) -> str | None:
        """Return an element's attribute."""
        found = self.command("GET", f"element/{self._find(selector)}/attribute/{name}")
        return None if found is None else str(found)

    def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """Run a script in the page and return its value."""
        return self.command("POST", "execute/sync", script=script, args=[])

    def screenshot(self, path: Path) -> None:
        """Write what a person sees into a file."""
        path.write_bytes(base64.b64decode(self.command("GET", "screenshot")))

    def _find(self, selector: str) -> str:
        return str(self.command("POST", "element", using="css selector", value=selector)[_ELEMENT])


@contextmanager
def browser(url: str, *, script: bool) -> Iterator[Browser]:
    """Open a window at the WebDriver server under this URL, with or without JavaScript."""
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
