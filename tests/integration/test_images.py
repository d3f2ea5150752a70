"""The images, as they were built: how large, whose, and what they leave out."""

import pytest

from tests.integration.stack import Stack

LARGEST = 200_000_000
"""Bytes, the base image included."""
USERS = {"mail-server": "", "mail-api": "10001:10001", "mail-exporter": "10001:10001", "sandbox-relay": "10001:10001"}


@pytest.mark.parametrize("service", USERS)
def test_image(stack: Stack, service: str) -> None:
    """It is smaller than 200 MB, has its labels, and starts as root only where Postfix does."""
    image = stack.image(service)
    assert image["Size"] < LARGEST
    assert image["Config"]["User"] == USERS[service]
    assert image["Config"]["Labels"]["org.opencontainers.image.version"]


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_drivers_are_left_in(stack: Stack, service: str) -> None:
    """What the slimming must not break: the driver of PostgreSQL, over Debian's libpq, and migrations."""
    code = "import alembic.command, psycopg, sqlalchemy.dialects.postgresql; print(psycopg.pq.version() > 0)"
    assert stack.execute(service, "python3", "-c", code).strip() == "True"
