"""Starts and stops all parts of the sandbox in one event loop: relay, OTLP receivers, control page."""

import asyncio
import contextlib
import datetime as dt
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from loguru import logger

from mail_sandbox.certificates import authority, server_tls
from mail_sandbox.control_app import create_control_app
from mail_sandbox.otlp import create_otlp_app
from mail_sandbox.otlp_grpc import served_over_grpc
from mail_sandbox.relay import PortUnavailableError, Relay
from mail_sandbox.sending_limit import Clock
from mail_sandbox.settings import Settings
from mail_sandbox.state import Sandbox, create_sandbox


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A started sandbox, and the ports it listens on."""

    sandbox: Sandbox
    relay: Relay
    http_port: int
    otlp_port: int
    otlp_grpc_port: int


class HttpServer(uvicorn.Server):
    """uvicorn in an event loop that it shares with the relay: it installs no signal handlers."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                http="h11",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, then set `ready`."""
        await super().startup(sockets)
        self.ready.set()


@contextlib.asynccontextmanager
async def running(settings: Settings, *, clock: Clock = time.time) -> AsyncIterator[RunningSandbox]:
    """Run a sandbox during the context; raises OSError when a port or the CA file cannot be used."""
    now = dt.datetime.fromtimestamp(time.time(), dt.UTC)
    ca = authority(settings.ca_file, now=now)
    tls = server_tls(ca, settings.hostnames, now=now)
    sandbox = create_sandbox(settings, clock=clock)
    relay = Relay(
        sandbox,
        tls,
        bind=settings.bind,
        submission_port=settings.submission_port,
        smtps_port=settings.smtps_port,
    )
    async with contextlib.AsyncExitStack() as stack:
        control = create_control_app(sandbox, relay)
        http_port = await stack.enter_async_context(
            _served(control, settings.bind, settings.http_port, "SANDBOX_HTTP_PORT")
        )
        receiver = create_otlp_app(sandbox.spans)
        otlp_port = await stack.enter_async_context(
            _served(receiver, settings.bind, settings.otlp_port, "SANDBOX_OTLP_PORT")
        )
        otlp_grpc_port = await stack.enter_async_context(
            served_over_grpc(sandbox.spans, settings.bind, settings.otlp_grpc_port, "SANDBOX_OTLP_GRPC_PORT")
        )
        stack.push_async_callback(relay.stop)
        await relay.start()
        logger.bind(
            smtp=relay.submission_port,
            smtps=relay.smtps_port,
            http=http_port,
            otlp=otlp_port,
            otlp_grpc=otlp_grpc_port,
        ).info("sandbox ready")
        yield RunningSandbox(sandbox, relay, http_port, otlp_port, otlp_grpc_port)


@contextlib.asynccontextmanager
async def _served(app: FastAPI, bind: str, port: int, variable: str) -> AsyncIterator[int]:
    try:
        listener = socket.create_server((bind, port))
    except OSError as error:
        raise PortUnavailableError(variable=variable, port=port, reason=error.strerror or str(error)) from error
    server = HttpServer(app)
    serving = asyncio.create_task(server.serve([listener]))
    await server.ready.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
