"""Settings of all unit tests: garbage collection, Hypothesis, and SQLAlchemy's cache."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

# No deadline: on a busy machine the time of an example depends on other processes.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")

# Imports and collected tests stay in memory until the end; scanning them for garbage took 5 % of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Enable garbage collection for objects that the tests create."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def compiled_statements() -> Iterator[None]:
    """Compile each statement once, not for each ledger: SQLAlchemy's compiled statements belong to a dialect object."""
    first, cache = sqlalchemy.create_engine("sqlite://"), dict[Any, Any]()
    with first.connect():
        dialect = first.dialect
    first.dispose()

    def create_engine(url: sqlalchemy.URL, **arguments: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's
        engine = sqlalchemy.create_engine(url, **arguments)
        if url.get_backend_name() == dialect.name:
            engine.dialect = dialect
            engine.update_execution_options(compiled_cache=cache)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mail_ledger.engine.create_engine", create_engine)
        yield
