"""Fixtures: a browser on the stack's network, and the example's pages on an allowed and on a foreign site."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration.api.webdriver import webdriver_server
from tests.integration.images import TAG
from tests.integration.stack import RECIPIENT, ROOT, Stack

OWN_SITE: Final = "www.dinky.example"
FOREIGN_SITE: Final = "evil.example"
SITE_PORT: Final = 8000
OWN: Final = f"http://{OWN_SITE}:{SITE_PORT}"
FOREIGN: Final = f"http://{FOREIGN_SITE}:{SITE_PORT}"
VALUES: Final = {
    "https://mail-api.yourdomain.com": "http://mail-api:20001",
    "https://www.yourdomain.com": OWN,
    "hi@yourdomain.com": RECIPIENT,
}
"""The values that a reader replaces in the examples."""


@pytest.fixture(scope="module")
def network(stack: Stack) -> Network:
    """Return the network with the name of the API's container."""
    existing = Network()
    existing.name = stack.network()
    return existing


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example pages and this stack's values."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "plain").mkdir()
    for target, example in ((folder, "contact-form"), (folder / "plain", "plain-form")):
        for source in (ROOT / "docs/examples" / example).iterdir():
            (target / source.name).write_text(with_values(source.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def with_values(text: str) -> str:
    """Return an example with this stack's values."""
    for old, new in VALUES.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def sites(network: Network, pages: Path) -> Iterator[None]:
    """Serve the pages under both names, with the Python of the API's image."""
    site = (
        DockerContainer(f"dinky-mail/mail-api:{TAG}")
        .with_kwargs(user="0", entrypoint=["python3", "-m", "http.server", str(SITE_PORT), "--directory", "/site"])
        .with_network(network)
        .with_network_aliases(OWN_SITE, FOREIGN_SITE)
        .with_volume_mapping(str(pages), "/site", "ro")
    )
    with site:
        yield


@pytest.fixture(scope="module")
def webdriver(stack: Stack, sites: None) -> Iterator[str]:  # noqa: ARG001 - pages to look at must be there
    """Return the URL of a browser's WebDriver server."""
    with webdriver_server(stack.network()) as url:
        yield url
