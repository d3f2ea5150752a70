"""A recording Postfix that fails where it is told to, and the real API in front of it."""

from __future__ import annotations

import asyncio
import io
import json
import logging as stdlib_logging
from collections import defaultdict, deque
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from loguru import logger
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mail_api.app import create_app
from mail_api.settings import Settings
from mail_telemetry import logging, tracing
from mail_telemetry.names import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    StartApi = Callable[..., Awaitable["Api"]]

DROP = "drop"
HANG = "hang"


@dataclass
class Received:
    """One mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class FakePostfix:
    """Speaks SMTP for real; `script[stage]` holds its next replies there, `DROP` or `HANG`."""

    mails: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    script: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    sessions: int = 0
    port: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def fail(self, stage: str, *replies: str) -> None:
        """Give these replies, once each, at CONNECT, EHLO, MAIL, RCPT, DATA or CONTENT."""
        self.script[stage].extend(replies)

    async def start(self, port: int = 0) -> None:
        """Listen, on a free port unless one is given."""
        self.server = await asyncio.start_server(self._session, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every session, as a container that goes away does."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self.server.wait_closed()

    async def wait_for(self, command: str) -> None:
        """Return once the command has arrived; `CONNECT` stands for a connection."""
        while not (self.sessions if command == "CONNECT" else any(line.startswith(command) for line in self.commands)):
            self.seen.clear()
            await self.seen.wait()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.seen.set()
        self.writers.add(writer)
        try:
            await self._dialogue(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail = Received("", [], b"")
        await self._reply(writer, "CONNECT", "220 fake ESMTP Postfix")
        while line := (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n"):
            self.commands.append(line)
            self.seen.set()
            verb = line.partition(" ")[0]
            if verb == "EHLO":
                await self._reply(writer, verb, "250-fake\r\n250-SIZE 10240000\r\n250 PIPELINING")
            elif verb == "MAIL":
                mail = Received(line[len("MAIL FROM:<") :].partition(">")[0], [], b"")
                await self._reply(writer, verb, "250 2.1.0 Ok")
            elif verb == "RCPT":
                mail.recipients.append(line[len("RCPT TO:<") : -1])
                await self._reply(writer, verb, "250 2.1.5 Ok")
            elif verb == "DATA":
                if (await self._reply(writer, verb, "354 End data with <CR><LF>.<CR><LF>")).startswith("354"):
                    mail.content = await _content(reader)
                    self.commands.append("CONTENT")
                    self.seen.set()
                    queued = f"250 2.0.0 Ok: queued as 4jXSsP52xGz{len(self.mails)}"
                    if (await self._reply(writer, "CONTENT", queued)).startswith("250"):
                        self.mails.append(mail)
            else:
                await self._reply(writer, verb, "221 2.0.0 Bye")
                return

    async def _reply(self, writer: asyncio.StreamWriter, stage: str, usual: str) -> str:
        reply = self.script[stage].popleft() if self.script[stage] else usual
        if reply == HANG:
            await asyncio.Event().wait()
        if reply == DROP:
            raise ConnectionResetError
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        if reply.startswith("421"):
            raise ConnectionResetError
        return reply


async def _content(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)


@dataclass
class Api:
    """The running API, and everything that it tells."""

    client: httpx2.AsyncClient
    registry: CollectorRegistry
    exporter: InMemorySpanExporter
    output: io.StringIO

    async def send(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:  # noqa: ANN401 - JSON
        """Post a valid mail with these fields changed; `...` leaves one out, `from_` is `from`."""
        usual = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
        content = {name.rstrip("_"): value for name, value in {**usual, **fields}.items() if value is not ...}
        return await self.client.post("/send", json=content, headers=headers)

    def metric(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)

    def spans(self) -> list[ReadableSpan]:
        """Return the finished spans, in the order of their end."""
        return list(self.exporter.get_finished_spans())

    def log(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with this message."""
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]


@pytest.fixture
async def postfix() -> AsyncIterator[FakePostfix]:
    """A mail server that takes everything until it is told otherwise."""
    fake = FakePostfix()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def log_output() -> Iterator[io.StringIO]:
    """What the process logs; the root logger is given back as it was."""
    handlers = stdlib_logging.root.handlers[:]
    output = io.StringIO()
    logging.configure(Service.API, stream=output)
    yield output
    logger.remove()
    stdlib_logging.root.handlers[:] = handlers


@pytest.fixture
async def start_api(postfix: FakePostfix, log_output: io.StringIO) -> AsyncIterator[StartApi]:
    """Start an API with some settings changed; its shutdown is part of every test."""
    async with AsyncExitStack() as stack:

        async def start(**changed: object) -> Api:
            usual = {"mail_domain": "mydomain.test", "smtp_host": "127.0.0.1", "smtp_port": postfix.port}
            settings = Settings.model_validate({"smtp_retry_seconds": 0.4, **usual, **changed})
            return await stack.enter_async_context(_running(settings, log_output))

        yield start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """The API as it runs with MAIL_DOMAIN alone."""
    return await start_api()


@asynccontextmanager
async def _running(settings: Settings, output: io.StringIO) -> AsyncIterator[Api]:
    registry, exporter = CollectorRegistry(), InMemorySpanExporter()
    provider = tracing.tracer_provider(Service.API, SimpleSpanProcessor(exporter))
    app = create_app(settings, registry, provider)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        yield Api(client, registry, exporter, output)
