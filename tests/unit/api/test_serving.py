"""The API under uvicorn, and `mail-api` as a process: ports, shutdown, and errors at the start."""

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
from opentelemetry.trace import SpanKind

from mail_api.__main__ import main
from mail_api.settings import Settings
from tests.unit.api.conftest import listening
from tests.unit.api.fake_postfix import HOLD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix


MAIL = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
JSON = {"Content-Type": "application/json"}


def free_port() -> int:
    """Return a closed port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """The running `mail-api` and its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def read_until(self, text: str, times: int = 1) -> None:
        """Return when the log has contained the text this many times."""
        assert self.process.stdout is not None
        while sum(text in line["message"] for line in self.lines) < times:
            self.lines.append(json.loads(await self.process.stdout.readline()))

    async def rest(self) -> list[dict[str, Any]]:
        """Return the rest of the output until the process exits."""
        assert self.process.stdout is not None
        return [json.loads(line) for line in (await self.process.stdout.read()).splitlines()]


@asynccontextmanager
async def running(**variables: str) -> AsyncIterator[Process]:
    """Start the program with these variables, and wait until it is up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mail_api",
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    started = Process(process)
    try:
        await started.read_until("Uvicorn running", times=2)
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def variables(postfix: FakePostfix) -> dict[str, str]:
    """Return an environment with free ports."""
    return {
        "MAIL_DOMAIN": "mydomain.test",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(postfix.port),
        "API_PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        "API_DOCS": "true",
    }


def client_of(port: int | str) -> httpx2.AsyncClient:
    """Return a client of the API's port."""
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}")


async def test_requests(start_api: StartApi, postfix: FakePostfix) -> None:
    """Under uvicorn a mail is sent, HEAD has no body, and large bodies are rejected with and without a length."""
    async with listening(await start_api(api_docs=True)) as port, client_of(port) as client:
        sent = await client.post("/send", json=MAIL)
        assert (sent.status_code, len(postfix.mails)) == (200, 1)
        assert "server" not in sent.headers
        head = await client.head("/health")
        assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", "15")
        assert (await client.get("/docs")).status_code == 200
        for content in (b"x" * 3_000_000, _chunks()):
            assert (await client.post("/send", content=content, headers=JSON)).status_code == 413


async def raw(port: int, *requests: bytes) -> bytes:
    """Return the answer to these bytes, sent at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(requests))
    answer = await reader.read()
    writer.close()
    return answer


async def test_pipelined_requests(api: Api) -> None:
    """Pipelined requests have their own trace and request id, also in their log lines."""
    one, last = (b"GET /nowhere HTTP/1.1\r\nHost: api\r\n" + end for end in (b"\r\n", b"Connection: close\r\n\r\n"))
    async with listening(api) as port:
        assert (await raw(port, one, one, last)).count(b"HTTP/1.1 404") == 3
    spans, lines = api.spans(), api.log("request answered")
    assert [(span.kind, span.parent) for span in spans] == [(SpanKind.SERVER, None)] * 3
    contexts = [span.get_span_context() for span in spans]
    trace_ids = sorted(f"{context.trace_id:032x}" for context in contexts if context)
    assert len(set(trace_ids)) == 3
    assert sorted(line["trace_id"] for line in lines) == trace_ids
    assert len({line["http.request.id"] for line in lines}) == 3


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"GET /nowhere HTTP/1.1\r\nHost: \xff\\\r\n", b"404", id="host"),
        pytest.param(b"GET /nowhere HTTP/1.1\r\nHost: [\r\n", b"404", id="half a host"),
        pytest.param(b"GET /nowhere?\xff\\ HTTP/1.1\r\nHost: api\r\n", b"4", id="query"),
        pytest.param(b"GET /nowhere HTTP/1.1\r\nHost: api\r\nUser-Agent: \xff\\N{x\r\n", b"404", id="agent"),
        pytest.param(b"POST /send HTTP/1.1\r\nHost: api\r\nContent-Length: many\r\n", b"400", id="length"),
    ],
)
async def test_odd_bytes(api: Api, head: bytes, status: bytes) -> None:
    """Bytes that the instrumentation cannot decode cause no 500."""
    async with listening(api) as port:
        answer = await raw(port, head + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.slow
async def test_metrics_port(postfix: FakePostfix) -> None:
    """Metrics, including those of the process, are on the metrics port and not on the API's."""
    environment = variables(postfix)
    async with running(**environment), client_of(environment["API_PORT"]) as client:
        await client.post("/send", json=MAIL)
        assert (await client.get("/metrics")).status_code == 404
        metrics = await client.get(f"http://127.0.0.1:{environment['METRICS_PORT']}/metrics")
    assert 'http_requests_total{handler="/send",method="POST",status="2xx"} 1.0' in metrics.text
    assert "process_cpu_seconds_total" in metrics.text


@pytest.mark.slow
async def test_clean_end(postfix: FakePostfix) -> None:
    """After SIGTERM the mail in progress is answered, connections end with QUIT, and the exit status is 0."""
    environment = variables(postfix)
    postfix.fail("CONTENT", HOLD)
    async with running(**environment) as program, client_of(environment["API_PORT"]) as client:
        in_flight = asyncio.create_task(client.post("/send", json=MAIL))
        await postfix.wait_for("CONTENT")
        program.process.send_signal(signal.SIGTERM)
        await program.read_until("Shutting down")
        postfix.held.set()
        assert (await in_flight).status_code == 200
        rest = await program.rest()
        assert await program.process.wait() == 0
    await postfix.wait_for("QUIT")
    assert [line["mail.queue_id"] for line in rest if line["message"] == "mail accepted"] == ["4jXSsP52xGz0"]
    assert [line for line in rest if line["service"] != "mail-api" or line["level"] == "error"] == []


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(30):
        yield b"x" * 100_000


def test_bad_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without MAIL_DOMAIN it exits with 2 and one line with the variable and the fix."""
    monkeypatch.delenv("MAIL_DOMAIN", raising=False)
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
    assert capsys.readouterr().err == "MAIL_DOMAIN: is not set; set it like MAIL_DOMAIN=example.org\n"


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` lists every variable."""
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    output = capsys.readouterr().out
    assert [name for name in Settings.model_fields if name.upper() not in output] == []
