"""The whole sandbox in one event loop."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from mail_sandbox.service import running
from mail_sandbox.settings import Settings

PORTS = ("submission_port", "smtps_port", "http_port", "otlp_port", "otlp_grpc_port")
FREE: dict[str, Any] = {"bind": "127.0.0.1"} | dict.fromkeys(PORTS, 0)


@pytest.mark.parametrize("port", ["http_port", "smtps_port", "otlp_grpc_port"])
async def test_a_port_in_use_ends_the_start(ca_file: Path, port: str) -> None:
    """The error for a port in use names the variable, and parts that had started are stopped."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings: dict[str, Any] = FREE | {"ca_file": ca_file, port: taken.getsockname()[1]}
        with pytest.raises(OSError, match=rf"SANDBOX_{port.upper()}: port \d+ cannot be opened"):
            async with running(Settings(**settings)):
                pytest.fail("it started")


async def test_ports_are_closed_at_the_end(ca_file: Path) -> None:
    """All five ports are closed when the context ends."""
    settings: dict[str, Any] = FREE | {"ca_file": ca_file}
    async with running(Settings(**settings)) as service:
        relay = service.relay
        ports = [relay.submission_port, relay.smtps_port, service.http_port, service.otlp_port, service.otlp_grpc_port]
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
