"""Fixtures: the real API with a recording mail server."""

from __future__ import annotations

import asyncio
import io
import json
import logging as stdlib_logging
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import pytest_asyncio
import uvloop
from fastapi.dependencies.utils import get_typed_signature
from fastapi.utils import create_model_field
from loguru import logger
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from sqlalchemy import delete

from mail_api.app import create_app
from mail_api.server import http_server
from mail_api.settings import Settings
from mail_api.trace_context import TraceContextGuard
from mail_ledger.api_keys import ApiKeys
from mail_ledger.engine import open_engine, opened_engine
from mail_ledger.tables import metadata
from mail_telemetry import logging, tracing
from mail_telemetry.names import Service
from mail_telemetry.span_export import MaskingSpanExporter, ValueLengths
from tests.unit.api.fake_postfix import FakePostfix

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
    from sqlalchemy import Engine

    StartApi = Callable[..., Awaitable["Api"]]


SERVED = {"test_serving.py", "test_slow_callers.py"}


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Run the tests of the HTTP server in uvloop, as the process does, and all others in asyncio's event loop."""
    return {"uvloop": uvloop.new_event_loop} if item.path.name in SERVED else {"asyncio": asyncio.new_event_loop}


@dataclass
class Api:
    """The running API, with its client, metrics, spans and log."""

    served: TraceContextGuard
    client: httpx2.AsyncClient
    registry: CollectorRegistry
    exporter: InMemorySpanExporter
    output: io.StringIO

    async def send(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:  # noqa: ANN401 - JSON
        """Post a valid mail with these fields changed; `...` removes a field, and `from_` is `from`."""
        usual = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
        content = {name.rstrip("_"): value for name, value in {**usual, **fields}.items() if value is not ...}
        # Escaped to ASCII, since UTF-8 cannot encode lone surrogates.
        raw = json.dumps(content).encode("ascii")
        return await self.client.post(
            "/send", content=raw, headers={"Content-Type": "application/json", **(headers or {})}
        )

    def metric(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)

    def count(self, name: str, **labels: str) -> float:
        """Return a counter's value, which is 0 before its series exists."""
        return self.metric(name, **labels) or 0

    def spans(self) -> list[ReadableSpan]:
        """Return the finished spans, in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    def log(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with this message."""
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]

    async def logged(self, message: str) -> None:
        """Wait until there is a log line with this message."""
        async with asyncio.timeout(5):
            while not self.log(message):  # noqa: ASYNC110 - the log is a buffer
                await asyncio.sleep(0.01)


@pytest.fixture(scope="session", autouse=True)
def cached_routes() -> Iterator[None]:
    """Cache what FastAPI reads from endpoints and models: each of 1,000 apps would read it again, in 20 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastapi.routing.create_model_field", cache(create_model_field))
        patch.setattr("fastapi.dependencies.utils.get_typed_signature", cache(get_typed_signature))
        yield


@pytest.fixture
async def postfix() -> AsyncIterator[FakePostfix]:
    """Return a mail server that accepts everything unless `fail` is called."""
    fake = FakePostfix()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="package")
def process_log() -> Iterator[io.StringIO]:
    """Return the log of the test process, which takes 4 ms to configure; the root logger is restored afterwards."""
    handlers = stdlib_logging.root.handlers[:]
    output = io.StringIO()
    stdlib_logging.getLogger("httpx2").setLevel(stdlib_logging.WARNING)  # the client's lines are not the API's
    logging.configure(Service.API, stream=output)
    yield output
    logger.remove()
    stdlib_logging.root.handlers[:] = handlers


@pytest.fixture
def log_output(process_log: io.StringIO) -> io.StringIO:
    """Return the log of one test, empty at its start."""
    process_log.seek(0)
    process_log.truncate()
    return process_log


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of an empty ledger with the current schema."""
    file = tmp_path_factory.mktemp("ledger") / "empty.db"
    open_engine(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def ledger_url(empty_ledger: Path, tmp_path: Path) -> str:
    """Return the URL of a new ledger for one test."""
    return f"sqlite:///{shutil.copy(empty_ledger, tmp_path / 'ledger.db')}"


@pytest.fixture
def ledger_engine(ledger_url: str) -> Iterator[Engine]:
    """Return an engine of the test for the API's ledger."""
    with opened_engine(ledger_url) as engine:
        yield engine


@pytest.fixture
def keys(ledger_engine: Engine) -> ApiKeys:
    """Return the API keys in the API's ledger."""
    return ApiKeys(ledger_engine)


@pytest.fixture
async def start_api(postfix: FakePostfix, log_output: io.StringIO, ledger_url: str) -> AsyncIterator[StartApi]:
    """Return a function that starts an API with some settings changed; it is shut down at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(**changed: object) -> Api:
            settings = _settings(postfix, ledger_url, **changed)
            return await stack.enter_async_context(_running(settings, log_output))

        yield start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """Return an API with MAIL_DOMAIN as its only setting."""
    return await start_api()


@asynccontextmanager
async def listening(api: Api, request_seconds: float = 20) -> AsyncIterator[int]:
    """Serve an API by uvicorn, as the process does; yield its port."""
    server = http_server(api.served, 0, request_seconds, lifespan="off")
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(5):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.001)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


SHARED = pytest.mark.asyncio(loop_scope="module")
"""For tests with `shared_api` or `start_shared`: they share an API with others of their module, and run in its loop.

A new API takes 45 ms, a request 5 ms. A test may share one if it leaves it as it was, except for metrics, which it
compares with their values before, and for what is emptied before each test: ledger, spans, log lines, and the mails and
commands that the mail server received. A test has an API of its own, by `api` or `start_api`, if it needs a counter
from zero, if a limit, the memory, a connection or a background job of the process matters to it, if the mail server or
the ledger fails, if a request is cancelled, or if a caught mail is released.
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_postfix() -> AsyncIterator[FakePostfix]:
    """Return the mail server of a module's shared APIs."""
    fake = FakePostfix()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="module")
def module_ledger(empty_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine for the ledger of a module's shared APIs."""
    file = shutil.copy(empty_ledger, tmp_path_factory.mktemp("module") / "ledger.db")
    with opened_engine(f"sqlite:///{file}") as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def start_once(
    module_postfix: FakePostfix, process_log: io.StringIO, module_ledger: Engine
) -> AsyncIterator[StartApi]:
    """Return a function that starts an API with some settings changed, or returns the module's one with the same."""
    started: dict[frozenset[tuple[str, object]], Api] = {}
    async with AsyncExitStack() as stack:

        async def start(**changed: object) -> Api:
            key = frozenset(changed.items())
            if key not in started:
                settings = _settings(module_postfix, str(module_ledger.url), **changed)
                started[key] = await stack.enter_async_context(_running(settings, process_log))
            return started[key]

        yield start


@pytest.fixture
def shared_postfix(module_postfix: FakePostfix) -> FakePostfix:
    """Return the mail server of the shared APIs, without mails so far in this test."""
    module_postfix.mails.clear()
    module_postfix.commands.clear()
    return module_postfix


@pytest.fixture
def shared_ledger(module_ledger: Engine) -> Engine:
    """Return an engine for the ledger of the shared APIs, which is empty at the start of the test."""
    with module_ledger.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    return module_ledger


@pytest.fixture
def shared_keys(shared_ledger: Engine) -> ApiKeys:
    """Return the API keys in the ledger of the shared APIs."""
    return ApiKeys(shared_ledger)


@pytest.fixture
def start_shared(
    start_once: StartApi,
    shared_postfix: FakePostfix,  # noqa: ARG001 - emptied before the test, as the next two
    shared_ledger: Engine,  # noqa: ARG001
    log_output: io.StringIO,  # noqa: ARG001
) -> StartApi:
    """Return a function that returns a shared API with some settings changed, without spans so far."""

    async def start(**changed: object) -> Api:
        api = await start_once(**changed)
        api.exporter.clear()
        return api

    return start


@pytest_asyncio.fixture(loop_scope="module")
async def shared_api(start_shared: StartApi) -> Api:
    """Return a shared API with MAIL_DOMAIN as its only setting."""
    return await start_shared()


def _settings(postfix: FakePostfix, ledger_url: str, **changed: object) -> Settings:
    usual = {
        "mail_domain": "mydomain.test",
        "smtp_host": "127.0.0.1",
        "smtp_port": postfix.port,
        "ledger_url": ledger_url,
        "smtp_retry_seconds": 0.4,
        "rate_limit": "off",
    }
    return SettingsOfArguments.model_validate(usual | changed)


class SettingsOfArguments(Settings):
    """Settings without the environment, which takes a quarter of the time of an API's start."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' interface, as all of these
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the arguments as the only source."""
        return (init_settings,)


@asynccontextmanager
async def _running(settings: Settings, output: io.StringIO) -> AsyncIterator[Api]:
    registry, exporter = CollectorRegistry(), InMemorySpanExporter()
    provider = tracing.tracer_provider(
        Service.API, SimpleSpanProcessor(MaskingSpanExporter(exporter, ValueLengths(1024, 1024)))
    )
    served = create_app(settings, registry, provider)
    transport = httpx2.ASGITransport(served)
    async with (
        served.app.router.lifespan_context(served.app),
        httpx2.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        yield Api(served, client, registry, exporter, output)
