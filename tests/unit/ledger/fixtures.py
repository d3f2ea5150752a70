"""The fixtures of all ledger tests; `url` and `empty_url` come from the conftest, one for each database."""

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
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Return connections to a new ledger."""
    opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture
def ledger(engine: Engine, clock: Clock) -> ApiLedger:
    """Return a new ledger as the API sees it."""
    return ApiLedger(engine, Rules(now=clock, daily_limit=10))


@pytest.fixture
def mail_server(engine: Engine, clock: Clock) -> MailServer:
    """Return a mail server whose log the ledger knows."""
    return MailServer(Ledger(engine), clock)
