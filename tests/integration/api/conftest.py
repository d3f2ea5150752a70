"""Beside the stack: a browser on its network, and the example's pages on an own and on a foreign site."""

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
"""What a reader changes in the examples."""


@pytest.fixture(scope="module")
def network(stack: Stack) -> Network:
    """Return the network on which the API's container is reached by its name."""
    existing = Network()
    existing.name = stack.network()
    return existing


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example as its user would have it: his values in place of the template's."""
    folder = tmp_path_factory.mktemp("site")
    for source in (ROOT / "docs/examples/contact-form").iterdir():
        (folder / source.name).write_text(as_its_user(source.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def as_its_user(text: str) -> str:
    """Return an example with this stack's values in place of the reader's."""
    for old, new in VALUES.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def sites(network: Network, pages: Path) -> Iterator[None]:
    """Serve the pages under both names, by the Python that the API's image has."""
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
