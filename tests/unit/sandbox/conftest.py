"""Fixtures: a relay on free ports with a clock set by the test, the control page, and clients of both."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiosmtplib
import httpx2
import pytest

from mail_sandbox.certificates import ServerTls, authority, server_tls
from mail_sandbox.control_app import create_control_app
from mail_sandbox.relay import Relay
from mail_sandbox.settings import Settings
from mail_sandbox.state import Sandbox, create_sandbox


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the CA certificate of these tests."""
    return tmp_path_factory.mktemp("certs") / "ca.pem"


@pytest.fixture(scope="session")
def tls(ca_file: Path) -> ServerTls:
    """Return the relay's certificates."""
    now = dt.datetime.now(dt.UTC)
    return server_tls(authority(ca_file, now=now), ["localhost"], now=now)


@pytest.fixture(scope="session")
def client_tls(ca_file: Path, tls: ServerTls) -> ssl.SSLContext:  # noqa: ARG001 - it wrote the file
    """Return a client's TLS context that trusts only the CA of these tests."""
    return ssl.create_default_context(cafile=ca_file)


@pytest.fixture
def now() -> list[float]:
    """Return a list with the time as its only element; tests change it to move the clock."""
    return [1_763_800_000.0]


@pytest.fixture
def sandbox(now: list[float], ca_file: Path) -> Sandbox:
    """Return a new sandbox with a limit of five recipients."""
    settings = Settings(ca_file=ca_file, daily_limit=5, limit_window_seconds=100)
    return create_sandbox(settings, clock=lambda: now[0])


@pytest.fixture
async def relay(sandbox: Sandbox, tls: ServerTls) -> AsyncIterator[Relay]:
    """Return a relay that listens on free ports of this machine."""
    relay = Relay(sandbox, tls, bind="127.0.0.1", submission_port=0, smtps_port=0)
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
async def connect(relay: Relay, client_tls: ssl.SSLContext) -> AsyncIterator[Callable[[], Awaitable[aiosmtplib.SMTP]]]:
    """Return a function that connects a client and logs it in at the relay."""
    async with AsyncExitStack() as stack:

        async def _connect() -> aiosmtplib.SMTP:
            client = aiosmtplib.SMTP(
                hostname="localhost",
                port=relay.submission_port,
                start_tls=True,
                tls_context=client_tls,
                username="sandbox@gmail.example",
                password="sandboxapppasswd",
                timeout=3,
            )
            await client.connect()
            stack.callback(client.close)
            return client

        yield _connect


@pytest.fixture
async def control(sandbox: Sandbox, relay: Relay) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of the control page."""
    transport = httpx2.ASGITransport(app=create_control_app(sandbox, relay))
    async with httpx2.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Return a function that waits until a condition holds, for at most three seconds."""

    async def _eventually(condition: Callable[[], bool]) -> None:
        for _ in range(300):
            if condition():
                return
            await asyncio.sleep(0.01)
        pytest.fail("the condition did not come true")

    return _eventually
