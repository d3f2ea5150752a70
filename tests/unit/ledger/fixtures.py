"""Fixtures of the ledger tests on every database; each database's conftest has its own `url` and `empty_url`."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.engine import open_engine
from tests.unit.ledger.fakes import Clock, MailServer

__all__ = ["clock", "engine", "ledger", "mail_server"]


@pytest.fixture
def clock() -> Clock:
    """Return a clock that is advanced by hand."""
    return Clock()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Return connections to a new ledger."""
    opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture
def ledger(engine: Engine, clock: Clock) -> ApiLedger:
    """Return a new ledger for the API."""
    return ApiLedger(engine, Rules(now=clock, daily_limit=10))


@pytest.fixture
def mail_server(engine: Engine, clock: Clock) -> MailServer:
    """Return a fake mail server that writes to the ledger."""
    return MailServer(Ledger(engine), clock)
