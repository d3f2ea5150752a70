"""`mail-api` as a process: both ports under uvicorn, a clean end, and what it says when it can't start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from mail_api.__main__ import main
from mail_api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import FakePostfix


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """The running `mail-api` and its log so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def read_until(self, text: str) -> None:
        """Read its log until a line with this text."""
        assert self.process.stdout is not None
        while not self.lines or text not in self.lines[-1]["message"]:
            self.lines.append(json.loads(await self.process.stdout.readline()))

    async def rest(self) -> str:
        """Return what it still says until it ends."""
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode()


@asynccontextmanager
async def running(**variables: str) -> AsyncIterator[Process]:
    """Start the program with these variables; it is up when the block begins."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mail_api",
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    started = Process(process)
    try:
        await started.read_until("Uvicorn running")
        await started.read_until("Application startup complete")
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_whole_process(postfix: FakePostfix) -> None:
    """Under uvicorn: a mail goes through, HEAD has no body, metrics have their own port, SIGTERM ends it with 0."""
    api_port, metrics_port = free_port(), free_port()
    variables = {
        "MAIL_DOMAIN": "mydomain.test",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(postfix.port),
        "API_PORT": str(api_port),
        "METRICS_PORT": str(metrics_port),
    }
    async with running(**variables) as program, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{api_port}") as client:
        mail = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
        sent = await client.post("/send", json=mail)
        assert (sent.status_code, len(postfix.mails)) == (200, 1)
        assert "server" not in sent.headers

        head = await client.head("/health")
        assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "15")
        assert (await client.get("/docs")).status_code == 200
        assert (await client.post("/send", content=b"x" * 3_000_000)).status_code == 415
        large = await client.post("/send", content=_chunks(), headers={"Content-Type": "application/json"})
        assert large.status_code == 413

        assert (await client.get("/metrics")).status_code == 404
        metrics = await client.get(f"http://127.0.0.1:{metrics_port}/metrics")
        assert 'http_requests_total{handler="/send",method="POST",status="2xx"} 1.0' in metrics.text
        assert "process_cpu_seconds_total" in metrics.text

        program.process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in (await program.rest()).splitlines()]
        assert await program.process.wait() == 0
    await postfix.wait_for("QUIT")
    assert {line["service"] for line in rest} == {"mail-api"}
    assert [line for line in rest if line["level"] == "error"] == []


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(30):
        yield b"x" * 100_000


def test_bad_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without MAIL_DOMAIN it exits with 2 and one line that says what to set."""
    monkeypatch.delenv("MAIL_DOMAIN", raising=False)
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
    assert capsys.readouterr().err == "MAIL_DOMAIN: is not set; set it like MAIL_DOMAIN=example.org\n"


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names every variable."""
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    told = capsys.readouterr().out
    assert [name for name in Settings.model_fields if name.upper() not in told] == []
