"""Built images: size, user and contents."""

import pytest

from tests.integration.stack import Stack

LARGEST = 200_000_000
"""In bytes, with the base image."""
USERS = {"mail-server": "", "mail-api": "10001:10001", "mail-exporter": "10001:10001", "sandbox-relay": "10001:10001"}


@pytest.mark.parametrize("service", USERS)
def test_image(stack: Stack, service: str) -> None:
    """An image is smaller than 200 MB, has its labels, and runs as root only for Postfix."""
    image = stack.image(service)
    assert image["Size"] < LARGEST
    assert image["Config"]["User"] == USERS[service]
    assert image["Config"]["Labels"]["org.opencontainers.image.version"]


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_drivers_are_installed(stack: Stack, service: str) -> None:
    """The slimmed images have the driver of PostgreSQL, with Debian's libpq, and migrations."""
    code = "import alembic.command, psycopg, sqlalchemy.dialects.postgresql; print(psycopg.pq.version() > 0)"
    assert stack.execute(service, "python3", "-c", code).strip() == "True"
