"""Fixtures: a new database for each test, on one PostgreSQL server."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from sqlalchemy import Engine, make_url, text
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import ExecWaitStrategy

from mail_ledger.engine import connect, open_engine
from tests.unit.ledger.fixtures import clock, engine, ledger, mail_server

__all__ = ["clock", "engine", "ledger", "mail_server"]

IMAGE = "postgres:17-trixie"
PASSWORD = "pass/w:rd"

_numbers = count(1)
MakeDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def server() -> Iterator[Engine]:
    """Start PostgreSQL and return the administrator's connections."""
    container = DockerContainer(IMAGE).with_exposed_ports(5432)
    container = container.with_env("POSTGRES_PASSWORD", PASSWORD).with_env("POSTGRES_DB", "ledger")
    container = container.with_command("postgres -c fsync=off -c max_connections=200")
    # Over TCP: during its set-up the image runs a first server without it.
    with container.waiting_for(ExecWaitStrategy(["pg_isready", "--host=127.0.0.1"])) as running:
        host, port = running.get_container_host_ip(), running.get_exposed_port(5432)
        url = make_url("postgresql+psycopg://").set(username="postgres", password=PASSWORD, host=host, port=int(port))
        admin = connect(url.set(database="ledger").render_as_string(hide_password=False))
        yield admin
        admin.dispose()


@pytest.fixture(scope="session")
def make_database(server: Engine) -> MakeDatabase:
    """Return the function that copies a database and returns the copy's URL."""

    def make(like: str) -> str:
        name = f"ledger_{next(_numbers)}"
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        return server.url.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def template(make_database: MakeDatabase) -> str:
    """Return the name of a database with a new ledger."""
    url = make_database("template0")
    open_engine(url).dispose()
    return str(make_url(url).database)


@pytest.fixture
def empty_url(make_database: MakeDatabase) -> str:
    """Return the URL of a database without a table."""
    return make_database("template0")


@pytest.fixture
def url(make_database: MakeDatabase, template: str) -> str:
    """Return the URL of a new ledger."""
    return make_database(template)
